import { lstatSync } from 'node:fs'
import { dirname, basename, join } from 'node:path'
import { readEntries } from './entries.js'
import { type OpenFolder, openFolder } from './open-folder.js'

/** A file of a workspace. */
export interface ListedFile {
  readonly path: string
  readonly size: number
}

/**
 * The first files of a folder, for a trace. It follows no link and crosses no mount: what is behind those is not the
 * workspace's.
 */
export function listFiles(folder: string, most: number): ListedFile[] {
  const found: ListedFile[] = []
  const visit = (outer: OpenFolder, name: Buffer, path: string): void => {
    const inner = outer.enter(name)
    try {
      if (inner.identity.mount !== outer.identity.mount) return
      for (const entry of readEntries(inner)) {
        if (found.length >= most) return
        const at = join(path, String(entry.name))
        if (entry.isFile()) found.push({ path: at, size: lstatSync(inner.at(entry.name)).size })
        else if (entry.isDirectory()) tryTo(() => visit(inner, entry.name, at))
      }
    } finally {
      inner.close()
    }
  }
  tryTo(() => {
    const outer = openFolder(dirname(folder))
    try {
      visit(outer, Buffer.from(basename(folder)), folder)
    } finally {
      outer.close()
    }
  })
  return found
}

function tryTo(action: () => void): void {
  try {
    action()
  } catch {
    // It has gone meanwhile or cannot be read, so it is not listed.
  }
}
