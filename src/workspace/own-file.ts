import { closeSync, constants, fstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import { WorkspaceError } from '../base/errors.js'
import { isThisUsers, thisUser } from './own-folder.js'

// The files in this user's own folder. Whoever may rename things in the temporary folder (its owner, or everybody if it
// is not sticky) can put another folder in the place of that one after it was checked. So each file is checked, too,
// once it is open: nobody else can make one that belongs to this user.

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants

function isOwn(file: number): boolean {
  const entry = fstatSync(file)
  // A second name may be a link that somebody else has made to another file of this user.
  const isAlone = entry.isFile() && entry.nlink === 1 && (entry.mode & 0o022) === 0
  return isAlone && isThisUsers(entry)
}

function within<Result>(path: string, flags: number, use: (file: number) => Result): Result {
  // A FIFO of somebody else must not block this process.
  const file = openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    if (!isOwn(file))
      throw new WorkspaceError(`${path} is no file that only the user ${thisUser()} can write to.`, path)
    return use(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Reads a file of this user.
 *
 * @throws {WorkspaceError} if it belongs to somebody else, or others can write to it.
 */
export const readOwnFile = (path: string): Buffer => within(path, O_RDONLY, (file) => readFileSync(file))

/**
 * Appends to a file of this user. Makes it, unless `isThere`.
 *
 * @throws {WorkspaceError} if it belongs to somebody else, or others can write to it.
 */
export function appendToOwnFile(path: string, text: string, isThere = false): void {
  within(path, O_WRONLY | O_APPEND | (isThere ? 0 : O_CREAT), (file) => writeSync(file, text))
}
