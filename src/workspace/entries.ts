import { type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs'
import type { OpenFolder } from './open-folder.js'

/** What is in a folder. Its name is bytes: the kernel allows all but two. */
export interface Entry extends Pick<Dirent | Stats, 'isDirectory' | 'isFile'> {
  readonly name: Buffer
}

/** What is in a folder that is held open. */
export function readEntries(folder: OpenFolder): Entry[] {
  const entries: (Dirent<Buffer> | Buffer)[] = readdirSync(folder.path, { withFileTypes: true, encoding: 'buffer' })
  return entries.flatMap((entry) => (Buffer.isBuffer(entry) ? lookAt(folder, entry) : entry))
}

/** Bun gives the names alone, where they are to be bytes. */
function lookAt(folder: OpenFolder, name: Buffer): Entry[] {
  const stats = lstatSync(folder.at(name), { throwIfNoEntry: false })
  return stats === undefined ? [] : [Object.assign(stats, { name })]
}
