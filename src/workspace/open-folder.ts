import { chmodSync, closeSync, constants, existsSync, fstatSync, lstatSync, openSync } from 'node:fs'
import { table } from '../system/process-table/current.js'
import { readProc } from '../system/process-table/linux.js'

// A folder that removal is working in. Operations on its entries go to the folder that was opened, whatever has been
// put in its place meanwhile.

/** Identifies a folder, and the mount through which it is seen. */
export interface FolderIdentity {
  readonly dev: bigint
  readonly ino: bigint
  readonly mount: string
}

export interface OpenFolder {
  readonly identity: FolderIdentity
  /** The user who owns it. */
  readonly user: number
  /** The path for listing it. */
  readonly path: Buffer
  /** The path for removing one of its entries. */
  at(name: Buffer): Buffer
  /** Opens the subfolder of this name. Does not follow a symbolic link. */
  enter(name: Buffer): OpenFolder
  /** Opens the folder around it, if that is still the one it was entered from. */
  leave(outer: FolderIdentity): OpenFolder | undefined
  /** Gives its owner all rights on it: removing an entry requires the right to write to the folder. */
  allowAll(): void
  /** The mount on an entry, if there is one. */
  mountedOn(name: Buffer): string | undefined
  close(): void
}

const isSame = (a: FolderIdentity, b: FolderIdentity): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.mount === b.mount

const separator = Buffer.from('/')
const parent = Buffer.from('..')
const join = (path: Buffer, name: Buffer): Buffer => Buffer.concat([path, separator, name])

// O_PATH, see open(2): holds a folder without reading it. Node has no constant for it. The number is the same on x64
// and arm64.
const pathOnly = 0o10000000

/** The id of the mount that an open file is on, see proc(5). Two mounts of the same device have different ids. */
const mountOf = (descriptor: number): string =>
  /^mnt_id:\s*(\d+)/m.exec(readProc(`/proc/self/fdinfo/${descriptor}`, true) ?? '')?.[1] ?? ''

/** A mount in words: its file system type, its device, and the part of the device that it shows. */
function describeMount(mount: string): string {
  const line = (readProc('/proc/self/mountinfo') ?? '').split('\n').find((each) => each.startsWith(`${mount} `))
  const [, , , root = '', ...rest] = (line ?? '').split(' ')
  const [kind = 'a file system', source = ''] = rest.slice(rest.indexOf('-') + 1)
  return [kind, source === kind || source === 'none' ? '' : source, root === '/' ? '' : root].filter(Boolean).join(' ')
}

/** What stands for a folder on another mount, which is never entered, and asking for which may block. */
const unread = { dev: 0n, ino: 0n, uid: -1n, mode: 0o700n }

/**
 * A folder held by its descriptor. `/proc/self/fd/N/name` is an entry of that folder, wherever its path leads by now.
 */
class HeldFolder implements OpenFolder {
  readonly #descriptor: number
  readonly #mode: number
  readonly identity: FolderIdentity
  readonly user: number
  readonly path: Buffer

  /** @param around the mount that the folder around it is on. */
  constructor(path: string | Buffer, around?: string) {
    this.#descriptor = openSync(path, pathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW)
    try {
      // This comes first: reading the rest may block forever if a file system is mounted whose server hangs.
      const mount = mountOf(this.#descriptor)
      const isForeign = around !== undefined && mount !== around
      const { dev, ino, uid, mode } = isForeign ? unread : fstatSync(this.#descriptor, { bigint: true })
      this.identity = { dev, ino, mount }
      this.user = Number(uid)
      this.#mode = Number(mode) & 0o7777
      this.path = Buffer.from(`/proc/self/fd/${this.#descriptor}`)
    } catch (error) {
      closeSync(this.#descriptor)
      throw error
    }
  }

  at(name: Buffer): Buffer {
    return join(this.path, name)
  }

  enter(name: Buffer): OpenFolder {
    return new HeldFolder(this.at(name), this.identity.mount)
  }

  leave(outer: FolderIdentity): OpenFolder | undefined {
    const around = new HeldFolder(this.at(parent))
    if (isSame(around.identity, outer)) return around
    around.close()
    return undefined
  }

  allowAll(): void {
    if ((this.#mode & 0o700) !== 0o700) chmodSync(this.path, this.#mode | 0o700)
  }

  mountedOn(name: Buffer): string | undefined {
    const descriptor = openSync(this.at(name), pathOnly | constants.O_NOFOLLOW)
    try {
      const mount = mountOf(descriptor)
      return mount === this.identity.mount ? undefined : describeMount(mount)
    } finally {
      closeSync(descriptor)
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/**
 * The mount points of this machine, where the system lists them. Device numbers do not distinguish two mounts of one
 * device.
 */
const mountPoints = (): ReadonlySet<string> =>
  new Set(
    (readProc('/proc/self/mountinfo') ?? '')
      .split('\n')
      .map((line) =>
        (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, code) => String.fromCodePoint(parseInt(code, 8))),
      ),
  )

/**
 * A folder by its path, where folders cannot be held (macOS). Only for folders inside one that nobody else can enter,
 * so that nobody else can replace a part of the path by a link.
 */
class NamedFolder implements OpenFolder {
  readonly #mode: number
  readonly #points: ReadonlySet<string>
  readonly identity: FolderIdentity
  readonly user: number
  readonly path: Buffer

  constructor(path: string | Buffer, around?: NamedFolder) {
    const entry = lstatSync(path, { bigint: true })
    if (!entry.isDirectory()) throw Object.assign(new Error(`${String(path)} is no folder`), { code: 'ENOTDIR' })
    this.path = Buffer.from(path)
    this.#points = around === undefined ? mountPoints() : around.#points
    const { dev, ino } = entry
    const isSameMount = around?.identity.dev === dev && !this.#points.has(this.path.toString('latin1'))
    this.identity = { dev, ino, mount: isSameMount ? around.identity.mount : String(path) }
    this.user = Number(entry.uid)
    this.#mode = Number(entry.mode) & 0o7777
  }

  at(name: Buffer): Buffer {
    return join(this.path, name)
  }

  enter(name: Buffer): OpenFolder {
    return new NamedFolder(this.at(name), this)
  }

  leave(outer: FolderIdentity): OpenFolder | undefined {
    const around = new NamedFolder(this.path.subarray(0, this.path.lastIndexOf(separator)), this)
    return around.identity.dev === outer.dev && around.identity.ino === outer.ino ? around : undefined
  }

  allowAll(): void {
    if ((this.#mode & 0o700) !== 0o700) chmodSync(this.path, this.#mode | 0o700)
  }

  mountedOn(): string | undefined {
    return 'a file system'
  }

  close(): void {}
}

/** Whether folders can be held here. `PROCTOR_PROCESS_TABLE=portable` forces macOS's way, for tests. */
export const canHoldFolders = table.name === 'linux' && existsSync('/proc/self/fdinfo')

export const openFolder = (path: string): OpenFolder => (canHoldFolders ? new HeldFolder(path) : new NamedFolder(path))
