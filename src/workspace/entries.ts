import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs'
import type { OpenFolder } from './open-folder.js'

/** An entry of a folder. Its name is in bytes: the kernel allows any but two. */
export interface Entry extends Pick<Dirent | Stats, 'isDirectory' | 'isFile'> {
  readonly name: Buffer
}

/** The entries of an open folder. */
export function readEntries(folder: OpenFolder): Entry[] {
  const entries: (Dirent<Buffer> | Buffer)[] = readdirSync(folder.path, { withFileTypes: true, encoding: 'buffer' })
  return entries.flatMap((entry) => (Buffer.isBuffer(entry) ? lookAt(folder, entry) : entry))
}

/** Bun returns only the names, if they are to be in bytes. */
function lookAt(folder: OpenFolder, name: Buffer): Entry[] {
  const stats = lstatSync(folder.at(name), { throwIfNoEntry: false })
  return stats === undefined ? [] : [Object.assign(stats, { name })]
}
