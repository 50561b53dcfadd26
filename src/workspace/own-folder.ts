import { chmodSync, lstatSync, mkdirSync, realpathSync, rmdirSync, statSync, type Stats } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WorkspaceError } from '../base/errors.js'

// Everybody can write to the temporary folder, so somebody else may have made whatever name we use there. What this
// package relies on, its records and unfinished traces, is therefore in a folder that only this user can read and
// write.

/** The user who owns the files that this process creates. */
export const thisUser = (): number => process.geteuid?.() ?? 0

/** Whether a file or folder belongs to this user. Where there are no users, everything does. */
export const isThisUsers = ({ uid }: Pick<Stats, 'uid'>): boolean => process.geteuid === undefined || uid === thisUser()

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/**
 * Checks that there is a temporary folder. Returns its name, which may have symbolic links in it.
 *
 * @throws {WorkspaceError} if there is none.
 */
export function checkTemporaryFolder(): string {
  const folder = tmpdir()
  if (isFolder(folder)) return folder
  throw new WorkspaceError(
    `TMPDIR is ${JSON.stringify(folder)}, and there is no such folder: make it, or let TMPDIR name another one.`,
    folder,
  )
}

/**
 * The real path of the temporary folder.
 *
 * @throws {WorkspaceError} if there is none.
 */
export const temporaryFolder = (): string => realpathSync(checkTemporaryFolder())

function describeImpostor(entry: Stats): string | undefined {
  if (entry.isSymbolicLink()) return 'is a symbolic link'
  if (!entry.isDirectory()) return 'is no folder'
  if (!isThisUsers(entry)) return `belongs to the user ${entry.uid}`
  const mode = entry.mode & 0o777
  return (mode & 0o077) === 0 ? undefined : `has the mode ${mode.toString(8)}, so others can get in`
}

function refuseImpostor(path: string, entry: Stats): void {
  const impostor = describeImpostor(entry)
  if (impostor === undefined) return
  throw new WorkspaceError(
    `${path} is to be a folder of the user ${thisUser()} with mode 700, for proctor's own records, and it ${impostor}. Remove it, or set TMPDIR to a folder in which nobody else can make files.`,
    path,
  )
}

/**
 * Makes this user's folder inside a temporary one, or checks the existing one. Returns its path.
 *
 * @throws {WorkspaceError} if something else has its name, or it cannot be made.
 */
export function ownFolder(temporary: string): string {
  const path = join(temporary, `proctor-${thisUser()}`)
  try {
    mkdirSync(path, 0o700)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new WorkspaceError(`${path} cannot be made: ${(error as Error).message}`, path, { cause: error })
    }
  }
  const entry = lstatSync(path)
  refuseImpostor(path, entry)
  // A umask may have removed even the owner's rights.
  if ((entry.mode & 0o700) !== 0o700) chmodSync(path, 0o700)
  return path
}

/**
 * This user's folder, if it exists.
 *
 * @throws {WorkspaceError} if something else has its name.
 */
export function existingOwnFolder(temporary: string): string | undefined {
  const path = join(temporary, `proctor-${thisUser()}`)
  const entry = lstatSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return undefined
  refuseImpostor(path, entry)
  return path
}

/** Removes the folder if it is empty. */
export function dropOwnFolder(path: string): void {
  try {
    rmdirSync(path)
  } catch {
    // It contains somebody's record, or somebody else has removed it.
  }
}
