import { lstatSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type * as TmpPromise from 'tmp-promise'
import { realProcess } from '../base/real-process.js'

// The only importer of tmp-promise. It is evaluated for the first workspace, and compiled into the file that needs it: an
// `import()` of a file of its own took a worker's first command 10 ms.

let dirSync: typeof TmpPromise.dirSync | undefined

/**
 * tmp listens for the exit of this process, to remove what it was not told to keep. It was told to keep everything, and
 * Jest loads it for each file.
 */
function loadDirSync(): typeof TmpPromise.dirSync {
  const before = new Set(realProcess.listeners('exit'))
  const loaded = (require('tmp-promise') as typeof TmpPromise).dirSync
  for (const each of realProcess.listeners('exit')) if (!before.has(each)) realProcess.off('exit', each)
  return loaded
}

/** How many names may be taken by others. */
const mostTaken = 5

function makeFolder(path: string): string {
  dirSync ??= loadDirSync()
  return dirSync({ tmpdir: dirname(path), name: basename(path), mode: 0o700, keep: true }).name
}

/**
 * Makes a new folder for this user only. Returns its path, which is real if that of the folder around it is. `nextPath`
 * returns the path to try. `isTaken`: somebody else has made something at the last one.
 */
export function makeTemporaryFolder(nextPath: (isTaken: boolean) => string): string {
  let path = nextPath(false)
  for (let taken = 0; ; taken += 1) {
    try {
      return makeFolder(path)
    } catch (error) {
      if (taken === mostTaken || lstatSync(path, { throwIfNoEntry: false }) === undefined) throw error
      path = nextPath(true)
    }
  }
}
