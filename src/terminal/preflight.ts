import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { programOf, type SpawnRequest } from '../command/launch/request.js'
import { search } from '../command/launch/search-path.js'
import { entriesOf } from '../system/posix-spawn.js'

// Checks a request as execve(2) would, before the start: node-pty's child reports errors only as text on its terminal.

/** The longest string that execve(2) accepts: 32 pages. */
const longestArgument = 128 * 1024

const exists = (file: string): boolean => {
  try {
    statSync(file)
    return true
  } catch {
    return false
  }
}

/** The interpreter in the first line of a script. */
function interpreterOf(file: string): string | undefined {
  const bytes = Buffer.alloc(256)
  try {
    const descriptor = openSync(file, 'r')
    try {
      const length = readSync(descriptor, bytes, 0, bytes.length, 0)
      return /^#![ \t]*([^\s\0]+)/.exec(bytes.toString('latin1', 0, length))?.[1]
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return undefined // It may be run and not read.
  }
}

/**
 * The error code that execve(2) would give for a program. Undefined if it can be started. Empty if the request itself
 * is wrong.
 */
export function codeAgainst(request: SpawnRequest): string | undefined {
  const { file, args } = programOf(request)
  const { cwd, env } = request
  const strings = [file, ...args, ...entriesOf(env)]
  if (file === '' || strings.some((each) => each.includes('\0'))) return ''
  try {
    if (!statSync(cwd).isDirectory()) return 'ENOTDIR'
  } catch {
    return 'ENOENT'
  }
  if (strings.some((each) => Buffer.byteLength(each) >= longestArgument)) return 'E2BIG'
  const path = env['PATH'] ?? '/bin:/usr/bin'
  const found = file.includes('/') ? join(file.startsWith('/') ? '' : cwd, file) : search(file, path)
  if (found === undefined) {
    return path.split(':').some((folder) => folder !== '' && exists(join(folder, file))) ? 'EACCES' : 'ENOENT'
  }
  if (!exists(found)) return 'ENOENT'
  try {
    accessSync(found, constants.X_OK)
    if (statSync(found).isDirectory()) return 'EACCES'
  } catch {
    return 'EACCES'
  }
  const interpreter = interpreterOf(found)
  return interpreter === undefined || exists(join(interpreter.startsWith('/') ? '' : cwd, interpreter))
    ? undefined
    : 'ENOENT'
}
