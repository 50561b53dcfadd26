import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatOwner, isJudgedHere, isOwnerDead, newToken, parseOwner, thisOwner } from '../containment/owner.js'
import { readOwnFile } from './own-file.js'
import { dropOwnFolder, existingOwnFolder, ownFolder, temporaryFolder } from './own-folder.js'
import { removeFolderNow } from './removal.js'

// The folder that the commands of one run write their coverage to, and listen in. Its path is short, because it contains
// sockets: the kernel allows 107 bytes for the path of one, macOS 103.

const folderName = /^coverage-[0-9a-f]{16}$/
const ownerFile = 'owner'

/** Makes a folder for this process. Removes those of processes that were killed. */
export function makeCoverageFolder(): string {
  const own = ownFolder(temporaryFolder())
  removeAbandonedIn(own)
  const path = join(own, `coverage-${newToken()}`)
  mkdirSync(path, 0o700)
  writeFileSync(join(path, ownerFile), formatOwner(thisOwner()), { mode: 0o600 })
  return path
}

export function removeCoverageFolder(path: string): void {
  removeFolderNow(path)
  dropOwnFolder(dirname(path))
}

/** Removes those of processes that were killed. */
export function removeAbandonedCoverage(): void {
  const own = existingOwnFolder(temporaryFolder())
  if (own === undefined) return
  removeAbandonedIn(own)
  dropOwnFolder(own)
}

function removeAbandonedIn(own: string): void {
  for (const name of readdirSync(own)) if (folderName.test(name)) removeIfAbandoned(join(own, name))
}

function removeIfAbandoned(path: string): void {
  try {
    const owner = parseOwner(String(readOwnFile(join(path, ownerFile))))
    if (owner !== undefined && isJudgedHere(owner) && isOwnerDead(owner)) removeFolderNow(path)
  } catch {
    // Another run is removing or making it at this moment.
  }
}
