import type * as TmpPromise from 'tmp-promise'

// The only importer of tmp-promise. It is evaluated for the first workspace, because tmp adds an exit listener. It is
// compiled into the file that needs it: an `import()` of a file of its own took a worker's first command 10 ms.

let dirSync: typeof TmpPromise.dirSync | undefined

/** Makes a new folder inside the temporary one, for this user only. Returns its path, which is real if `folder` is. */
export function makeTemporaryFolder(folder: string, name: string): string {
  dirSync ??= (require('tmp-promise') as typeof TmpPromise).dirSync
  return dirSync({ tmpdir: folder, name, mode: 0o700, keep: true }).name
}
