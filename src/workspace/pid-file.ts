import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { PidFileError } from '../base/errors.js'
import { wallClock } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { isZombie } from '../system/process-table/table.js'
import { hasHolder, ownAncestors } from '../system/signals.js'
import { beside } from './beside.js'

/** Linux's PID_MAX_LIMIT; macOS stays below it. */
const largestPid = 4_194_304
const mostBytes = 64
/** ms within which a file without a line end may still be in the middle of being written. */
const settling = 50
/** How far (ms) a file's modification time may be ahead of our clock and still be used for its age. */
const mostSkew = 1000
/**
 * A start is known to 10 ms, a modification to 4 ms. A start that is not later by more than this does not count as
 * later.
 */
const clockSlack = 100

export interface PidFile {
  readonly pid: number
  /** ms since 1970. */
  readonly writtenAt: number
}

/**
 * Reads a pid file. It reads only a regular file, without blocking, and at most 64 bytes. The pid is only looked at,
 * never signalled.
 *
 * @returns the pid, or an error that says why there is none.
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
    // A modification time in the future comes from another clock and says nothing.
    if (!text.endsWith('\n') && age < settling && age > -mostSkew) return refuse(`${held}, perhaps not all of it yet.`)
    return { pid, writtenAt: stat.mtimeMs }
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Whether the process that a pid file names is alive. A zombie counts as dead, and so does a newer process with the
 * same pid.
 */
export function isHolderAlive({ pid, writtenAt }: PidFile): boolean {
  const record = table.identify(pid)
  // Where the table does not show it (hidepid, no ps), nobody can say that it is dead.
  if (record === undefined) return hasHolder(pid)
  if (isZombie(record)) return false
  return table.startedAt(record) <= writtenAt + clockSlack
}
