import { existsSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'

/** The folders of the PATH that was searched last. The commands of a test mostly have the same PATH. */
let split: { readonly path: string; readonly folders: readonly string[] } | undefined

function foldersOf(path: string): readonly string[] {
  if (split?.path !== path) split = { path, folders: [...new Set(path.split(delimiter))] }
  return split.folders
}

/** The files that a name may stand for, as execvp(3) tries them. An empty folder on PATH is the current one. */
export const candidates = (name: string, path: string): string[] =>
  name.includes('/') ? [name] : foldersOf(path).map((folder) => (folder === '' ? name : `${folder}/${name}`))

/**
 * Whether a file of this name is in a folder of PATH. execvp(3) says EACCES for a command that nobody has, where a folder
 * of PATH is another user's and may not be searched.
 */
export const isOnPath = (command: string, path: string | undefined, cwd: string): boolean =>
  candidates(command, path ?? '').some((file) => existsSync(resolve(cwd, file)))
