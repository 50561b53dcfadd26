import type { dirSync as DirSync } from 'tmp-promise'

// The sole importer of tmp-promise, loaded with the first fixture: tmp adds an exit listener when it is imported.

let dirSync: typeof DirSync | undefined

/** Loads tmp-promise, once. */
export async function prepareTemporaryFolders(): Promise<void> {
  dirSync ??= (await import('tmp-promise')).default.dirSync
}

/** Makes a new folder in the temporary one, readable by this user alone. Returns its path: a real one, if `tmpdir` is. */
export function makeTemporaryFolder(tmpdir: string, name: string): string {
  if (dirSync === undefined) throw new Error('prepareTemporaryFolders() was not awaited.')
  return dirSync({ tmpdir, name, mode: 0o700, keep: true }).name
}
