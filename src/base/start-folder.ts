import { relative } from 'node:path'

/** The current folder of the tests, or `/` if somebody has removed it. */
export function currentFolder(): string {
  try {
    return process.cwd()
  } catch {
    return '/'
  }
}

/**
 * The current folder when this package was loaded, which is the project's. Tests change theirs, remove it, and go to
 * folders that may be anybody's.
 */
export const startFolder: string = currentFolder()

/** The path relative to that folder, if it is below it. */
export function shortPath(path: string): string {
  const below = relative(startFolder, path)
  return below.startsWith('..') ? path : below
}
