import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { startFolder } from '../../base/start-folder.js'

const isSameFile = (a: string, b: string): boolean => {
  try {
    return realpathSync(a) === realpathSync(b)
  } catch {
    return false // Not there.
  }
}

/** Whether a file is executable. Most are not there, and exceptions are slow, so this throws none. */
export const isExecutable = (file: string): boolean => {
  try {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The first executable file of this name on a PATH. */
export function search(name: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable)
}

const searched = new Map<string, string>()

/**
 * PATH with the project's node_modules/.bin first, and with the Node that runs the tests as `node`. The programs of the
 * folder that a test has gone to may be anybody's.
 */
export function searchPath(path: string): string {
  let result = searched.get(path)
  if (result === undefined) {
    const binaries: string[] = []
    for (let folder = startFolder; ; folder = dirname(folder)) {
      binaries.push(join(folder, 'node_modules', '.bin'))
      if (folder === dirname(folder)) break
    }
    const local = [...binaries, path].join(delimiter)
    const node = search('node', local)
    const isOurs = node !== undefined && isSameFile(node, process.execPath)
    const own = isOurs || basename(process.execPath) !== 'node' ? [] : [dirname(process.execPath)]
    result = [...binaries, ...own, path].join(delimiter)
    searched.set(path, result)
  }
  return result
}
