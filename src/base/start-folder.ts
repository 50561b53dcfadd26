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
