import { mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { WorkspaceError } from '../base/errors.js'

/** Makes a new folder, which this user alone can look into. Returns its path. */
export function makeTemporaryFolder(path: string): string {
  mkdirSync(path, 0o700)
  return path
}

/** Why nothing can be made in the temporary folder, where it is that there is none. */
export function whyNoTemporaryFolder(): WorkspaceError | undefined {
  const folder = tmpdir()
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return undefined
  return new WorkspaceError(
    `TMPDIR is ${JSON.stringify(folder)}, and there is no such folder: make it, or let TMPDIR name another one.`,
    folder,
  )
}
