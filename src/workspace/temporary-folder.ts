import type { dirSync as DirSync } from 'tmp-promise'
import { checkTemporaryFolder } from './own-folder.js'

// The only importer of tmp-promise. It is loaded for the first fixture, because importing tmp adds an exit listener.

let dirSync: typeof DirSync | undefined

/** Imports tmp-promise, once. */
export async function prepareTemporaryFolders(): Promise<void> {
  checkTemporaryFolder()
  dirSync ??= (await import('tmp-promise')).default.dirSync
}

/** Makes a new folder inside the temporary one, for this user only. Returns its path, which is real if `folder` is. */
export function makeTemporaryFolder(folder: string, name: string): string {
  if (dirSync === undefined) throw new Error('prepareTemporaryFolders() was not awaited.')
  return dirSync({ tmpdir: folder, name, mode: 0o700, keep: true }).name
}
