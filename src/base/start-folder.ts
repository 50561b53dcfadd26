import { relative } from 'node:path'

function currentFolder(): string {
  try {
    return process.cwd()
  } catch {
    return '/' // Somebody has removed it.
  }
}

/**
 * Where this process was when the package was loaded: the project's folder. Tests change theirs, and remove it; where
 * they go may be anybody's.
 */
export const startFolder: string = currentFolder()

/** Relative to that folder, where the path is below it. */
export function shortPath(path: string): string {
  const below = relative(startFolder, path)
  return below.startsWith('..') ? path : below
}
