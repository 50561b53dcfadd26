import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { dirSync as DirSync } from 'tmp-promise'
import { WorkspaceError } from '../base/errors.js'

// The sole importer of tmp-promise, loaded with the first fixture: tmp adds an exit listener when it is imported.

let dirSync: typeof DirSync | undefined

/** Loads tmp-promise, once. */
export async function prepareTemporaryFolders(): Promise<void> {
  const folder = tmpdir()
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new WorkspaceError(
      `TMPDIR is ${JSON.stringify(folder)}, and there is no such folder: make it, or let TMPDIR name another one.`,
      folder,
    )
  }
  dirSync ??= (await import('tmp-promise')).default.dirSync
}

/** Makes a new folder in the temporary one, readable by this user alone. Returns its path: a real one, if `folder` is. */
export function makeTemporaryFolder(folder: string, name: string): string {
  if (dirSync === undefined) throw new Error('prepareTemporaryFolders() was not awaited.')
  return dirSync({ tmpdir: folder, name, mode: 0o700, keep: true }).name
}
