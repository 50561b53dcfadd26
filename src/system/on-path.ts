import { existsSync } from 'node:fs'
import { resolve } from 'node:path'

/**
 * Whether a file of this name is in a folder of PATH. execvp(3) says EACCES for a command that nobody has, where a folder
 * of PATH is another user's and may not be searched.
 */
export const isOnPath = (command: string, path: string | undefined, cwd: string): boolean =>
  (path ?? '').split(':').some((folder) => existsSync(resolve(cwd, folder, command)))
