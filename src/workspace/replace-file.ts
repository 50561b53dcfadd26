import { rmSync, writeFileSync } from 'node:fs'

/**
 * Writes a new file in the place of whatever has this path. A symbolic link is replaced and not followed: in a folder
 * that others can write to, it may lead to any file of this user.
 */
export function replaceFile(path: string, content: string | Uint8Array): void {
  rmSync(path, { force: true })
  writeFileSync(path, content, { flag: 'wx' })
}
