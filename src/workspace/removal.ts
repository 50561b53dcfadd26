import { lstatSync, renameSync, rmdirSync, rmSync, unlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { escapeControls } from '../base/escape.js'
import { now, sleep, turn } from '../base/clock.js'
import { newToken } from '../containment/owner.js'
import { type Entry, readEntries } from './entries.js'
import { canHoldFolders, type FolderIdentity, type OpenFolder, openFolder } from './open-folder.js'
import { dropOwnFolder, ownFolder, thisUser } from './own-folder.js'

// Removes a workspace, whose contents were made by the programs under test. So it follows no symbolic link, not even
// one that is put in its way meanwhile, and touches nothing behind a mount point. Folders may be as deep, and names as
// strange, as the kernel allows.

/** Something that could not be removed, and why. */
export interface Left {
  readonly path: string
  readonly reason: string
}

/** Whether a folder is the one to remove, and not something else in its place. */
export type Expectation = (folder: { readonly user: number; readonly identity: FolderIdentity }) => boolean

/** The default: a folder of this user. */
const isOwn: Expectation = ({ user }) => user === thisUser()

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'there is no permission to remove it',
  EROFS: 'its file system is read-only',
  ENOTEMPTY: 'somebody still writes into it',
  EMFILE: 'this process has no file descriptor left',
  ENFILE: 'this machine has no file descriptor left',
}

interface Level {
  /** Its name in the folder around it. */
  readonly name: Buffer
  readonly identity: FolderIdentity
  /** The entries still to be removed. */
  readonly entries: Entry[]
  /** Whether something in it could not be removed, so that it stays, too. */
  stays: boolean
}

/** If a path is longer than this (bytes), the next folder is moved up first. PATH_MAX is 1024 on macOS. */
const longPath = 700

/** One walk through a folder. However deep the folder is, only one descriptor is open at a time. */
class Removal {
  readonly left: Left[] = []
  /** Whether something could not be removed that another walk may be able to remove. */
  isPassing = false
  readonly #root: string
  readonly #isExpected: Expectation
  readonly #outer: FolderIdentity
  readonly #levels: Level[] = []
  readonly #deep: Buffer[] = []
  /** Whether the folder to be entered next was found inside the removed one, and so needs no check of its own. */
  #isInside = false
  #folder: OpenFolder

  constructor(root: string, isExpected: Expectation) {
    this.#root = root
    this.#isExpected = isExpected
    this.#folder = openFolder(dirname(root))
    this.#outer = this.#folder.identity
  }

  /** Removes one entry in each step. */
  *steps(): Generator<undefined, void> {
    try {
      this.#enter(Buffer.from(basename(this.#root)))
      do {
        for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
          const entry = level.entries.pop()
          if (entry === undefined) this.#leave()
          else if (entry.isDirectory()) this.#enter(entry.name)
          else this.#unlink(entry.name)
          yield
        }
        const deep = this.#deep.pop()
        if (deep === undefined) return
        this.#isInside = true
        this.#enter(deep)
      } while (true)
    } finally {
      this.#folder.close()
    }
  }

  #enter(name: Buffer): void {
    const inner = this.#open(name)
    if (inner === undefined) return
    try {
      inner.allowAll()
    } catch {
      // It belongs to another user. The reasons inside say more.
    }
    let entries: Entry[]
    try {
      entries = readEntries(inner)
    } catch (error) {
      inner.close()
      return this.#stay(name, this.#reasonOf(error, name))
    }
    this.#folder.close()
    this.#folder = inner
    this.#levels.push({ name, identity: inner.identity, entries, stays: false })
  }

  /** Opens the folder of this name, if it is one and may be entered. */
  #open(name: Buffer): OpenFolder | undefined {
    if (!canHoldFolders && this.#folder.path.length > longPath && this.#lift(name)) return undefined
    let inner: OpenFolder
    try {
      inner = this.#folder.enter(name)
    } catch (error) {
      // Something else has taken its place, or it was a link all along.
      if (codeOf(error) === 'ENOTDIR' || codeOf(error) === 'ELOOP') this.#unlink(name)
      else if (codeOf(error) !== 'ENOENT') this.#stay(name, this.#reasonOf(error, name))
      return undefined
    }
    const refusal = this.#refusalOf(inner, name)
    if (refusal === undefined) return inner
    inner.close()
    this.#stay(name, refusal)
    return undefined
  }

  #refusalOf(inner: OpenFolder, name: Buffer): string | undefined {
    if (inner.identity.mount !== this.#folder.identity.mount) return this.#mountedOn(name)
    if (this.#levels.length > 0 || this.#isInside || this.#isExpected(inner)) return undefined
    return `it is not what was made there (it belongs to the user ${inner.user})`
  }

  /** Moves a folder whose path gets too long to where its path is short. */
  #lift(name: Buffer): boolean {
    const lifted = Buffer.from(newToken())
    try {
      renameSync(this.#folder.at(name), join(dirname(this.#root), String(lifted)))
      this.#deep.push(lifted)
      return true
    } catch {
      return false // Then it is tried where it is.
    }
  }

  #leave(): void {
    const level = this.#levels.pop()!
    const outer = this.#levels.at(-1)
    const around = this.#around(outer?.identity ?? this.#outer)
    if (typeof around === 'string') {
      // There is no way back from here to where we were.
      this.#stay(level.name, around, true)
      this.#levels.length = 0
      return
    }
    this.#folder.close()
    this.#folder = around
    if (level.stays) {
      if (outer !== undefined) outer.stays = true
      return
    }
    this.#remove(level.name, rmdirSync)
  }

  /** Opens the folder around the open one, or says why that is impossible. */
  #around(expected: FolderIdentity): OpenFolder | string {
    try {
      return this.#folder.leave(expected) ?? 'it was moved while it was being removed'
    } catch (error) {
      return reasons[codeOf(error)] ?? (error as Error).message
    }
  }

  #unlink(name: Buffer): void {
    // In the temporary folder itself, the name may be a link of another user.
    if (this.#levels.length === 0 && lstatSync(this.#folder.at(name)).uid !== thisUser()) {
      return this.#stay(name, 'it is not what was made there')
    }
    this.#remove(name, unlinkSync)
  }

  #remove(name: Buffer, remove: (path: Buffer) => void): void {
    try {
      remove(this.#folder.at(name))
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      const isPassing = ['ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR'].includes(codeOf(error))
      this.#stay(name, this.#reasonOf(error, name), isPassing)
    }
  }

  #stay(name: Buffer, reason: string, isPassing = false): void {
    const level = this.#levels.at(-1)
    if (level !== undefined) level.stays = true
    this.isPassing ||= isPassing
    const names = [...this.#levels.slice(1).map((each) => String(each.name)), String(name)]
    const path = this.#levels.length === 0 ? this.#root : join(this.#root, ...names)
    this.left.push({ path, reason })
  }

  #mountedOn(name: Buffer): string {
    let what: string | undefined
    try {
      what = this.#folder.mountedOn(name)
    } catch {
      // If the mount cannot be named, it is a mount all the same.
    }
    return `${what ?? 'something'} is mounted on it`
  }

  #reasonOf(error: unknown, name: Buffer): string {
    const code = codeOf(error)
    if (code === 'EBUSY') return this.#mountedOn(name)
    if (code !== 'EPERM') return reasons[code] ?? (error as Error).message
    const isOthers = thisUser() !== 0 && this.#folder.user !== thisUser()
    // For the owner, this is the only reason why unlink(2) returns EPERM.
    return isOthers ? reasons['EACCES']! : 'it or its folder is immutable or append-only (see lsattr)'
  }
}

/** ms for which a removal may block the event loop before it yields to it. */
const burst = 20

async function walk(root: string, isExpected: Expectation): Promise<Removal> {
  const removal = new Removal(root, isExpected)
  let begin = now()
  for (const _ of removal.steps()) {
    if (now() - begin < burst) continue
    await turn()
    begin = now()
  }
  return removal
}

/** How often a folder is walked through if somebody still writes to it. */
const mostWalks = 3

async function walkAgain(root: string, isExpected: Expectation): Promise<readonly Left[]> {
  for (let walks = 1; ; walks += 1) {
    const { left, isPassing } = await walk(root, isExpected)
    if (!isPassing || walks === mostWalks) return left
    await sleep(10)
  }
}

/** Where folders cannot be held, moves the folder to where nobody else can replace a part of its path by a link. */
async function removeInRefuge(path: string, isExpected: Expectation): Promise<readonly Left[]> {
  const entry = lstatSync(path, { throwIfNoEntry: false })
  if (entry === undefined) return []
  const folder = ownFolder(dirname(path))
  const refuge = join(folder, newToken())
  try {
    // Moving a folder elsewhere requires the right to write to it.
    if (entry.isDirectory() && entry.uid === thisUser()) openFolder(path).allowAll()
    renameSync(path, refuge)
  } catch (error) {
    return [{ path, reason: reasons[codeOf(error)] ?? (error as Error).message }]
  }
  const left = await walkAgain(refuge, isExpected)
  if (left.length > 0 && lstatSync(refuge, { throwIfNoEntry: false }) !== undefined) renameSync(refuge, path)
  dropOwnFolder(folder)
  return left.map((each) => ({ ...each, path: each.path.replace(refuge, path) }))
}

/**
 * Removes a folder with everything in it, or a symbolic link. Returns what stays, with the reasons; an empty list means
 * that all is gone.
 */
export async function removeFolder(path: string, isExpected: Expectation = isOwn): Promise<readonly Left[]> {
  try {
    // Most workspaces are empty by now. A link in its place is ENOTDIR.
    rmdirSync(path)
    return []
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
  }
  return canHoldFolders ? walkAgain(path, isExpected) : removeInRefuge(path, isExpected)
}

/** Removes a small folder of this user before it returns. */
export function removeFolderNow(path: string): void {
  if (!canHoldFolders) return rmSync(path, { recursive: true, force: true })
  const steps = new Removal(path, isOwn).steps()
  while (steps.next().done !== true);
}

/** The first few things that stay, with paths relative to the folder, for a message. */
export function describeLeft(left: readonly Left[], folder: string): string {
  const most = 5
  const lines = left.slice(0, most).map(({ path, reason }) => {
    const name = path === folder ? 'it' : path.slice(folder.length + 1)
    return escapeControls(`${path === folder ? '' : `${name}: `}${reason}`)
  })
  return lines.join('; ') + (left.length > most ? `; and ${left.length - most} more` : '')
}
