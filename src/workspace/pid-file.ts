import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { PidFileError } from '../base/errors.js'
import { wallClock } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { isZombie } from '../system/process-table/table.js'
import { ownAncestors } from '../system/signals.js'
import { beside } from './beside.js'

/** Linux's PID_MAX_LIMIT; macOS stays below it. */
const largestPid = 4_194_304
const mostBytes = 64
/** Milliseconds in which a file without a line end may still be in the middle of being written. */
const settling = 50
/** Milliseconds by which a file's clock may be ahead of ours while it still tells its age. */
const mostSkew = 1000
/** A start is known to 10 ms, a modification to 4: what is not later by more than this is not later. */
const clockSlack = 100

export interface PidFile {
  readonly pid: number
  /** Milliseconds since 1970. */
  readonly writtenAt: number
}

/**
 * Reads a pid file. Only a regular file is read, without blocking, 64 bytes at most. What it holds is only ever looked
 * at, never signalled.
 *
 * @returns the pid, or the error that says why there is none.
 */
export function readPidFile(file: string): PidFile | PidFileError {
  const refuse = (reason: string): PidFileError =>
    new PidFileError(`${reason}\n  file: ${file}\n  ${beside(file).join('\n  ')}`, file)
  let descriptor: number
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return refuse(
      code === 'ENOENT'
        ? `No pid file: ${basename(file)} does not exist.`
        : `The pid file ${basename(file)} cannot be read (${code}).`,
    )
  }
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return refuse(`Not a pid file: ${basename(file)} is no regular file.`)
    const bytes = Buffer.alloc(mostBytes + 1)
    const text = bytes.toString('utf8', 0, readSync(descriptor, bytes, 0, bytes.length, 0))
    if (text.trim() === '') return refuse(`The pid file ${basename(file)} is empty.`)
    const held = `The pid file ${basename(file)} holds ${JSON.stringify(text)}`
    const pid = /^\s*([1-9]\d{0,9})\s*$/.test(text) ? Number(text) : undefined
    if (pid === undefined || text.length > mostBytes) return refuse(`${held}. Accepted is one positive decimal number.`)
    if (pid > largestPid) return refuse(`${held}. No pid is above ${largestPid}.`)
    if (pid === 1) return refuse(`${held}: that is init, and no process of a test.`)
    if (ownAncestors().has(pid)) return refuse(`${held}: that is the test runner itself or a parent of it.`)
    const age = wallClock() - stat.mtimeMs
    // A file from the future is of a clock that is not ours, and says nothing.
    if (!text.endsWith('\n') && age < settling && age > -mostSkew) return refuse(`${held}, perhaps not all of it yet.`)
    return { pid, writtenAt: stat.mtimeMs }
  } finally {
    closeSync(descriptor)
  }
}

/** Whether the process that a pid file names lives. A zombie, or a newer process with its number, is dead. */
export function isHolderAlive({ pid, writtenAt }: PidFile): boolean {
  const record = table.identify(pid)
  if (record === undefined || isZombie(record)) return false
  return table.startedAt(record) <= writtenAt + clockSlack
}
