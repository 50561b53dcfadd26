import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { endianness } from 'node:os'
import { isGone } from '../process-table/linux.js'
import type { Listener, ListenerSight, ListenerTable } from './listener.js'

// /proc/PID/net/tcp, tcp6 and unix list the sockets of the process's network namespace, with their inodes. /proc/PID/fd
// shows which process holds which inode. See proc(5).

/** Reads a file of any length: these grow with the machine's connections. */
function readWhole(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

/** Four bytes of an address, which are shown as a word in the machine's byte order. */
const wordBytes = (word: string): number[] => {
  const bytes = [...Buffer.from(word, 'hex')]
  return endianness() === 'LE' ? bytes.toReversed() : bytes
}

function formatAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap(wordBytes)
  if (bytes.length === 4) return bytes.join('.')
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  if (isMapped) return bytes.slice(12).join('.')
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[index * 2]! << 8) | bytes[index * 2 + 1]!).toString(16),
  )
  // URL writes the address in the usual form, without its longest run of zeros.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** The lines of /proc/net/tcp and tcp6 in the state LISTEN. */
export function parseTcp(text: string): Listener[] {
  return [...text.matchAll(/^ *\d+: ([\dA-F]+):([\dA-F]{4}) \S+ 0A \S+ \S+ \S+ +(\d+) +\d+ (\d+)/gm)].map(
    ([, address, port, owner, inode]) => ({
      id: Number(inode),
      address: formatAddress(address!),
      port: Number.parseInt(port!, 16),
      owner: Number(owner),
    }),
  )
}

/** The lines of /proc/net/unix whose socket accepts connections (__SO_ACCEPTCON) and has a name. */
export function parseUnix(text: string): Listener[] {
  return [...text.matchAll(/^\S+: \S+ \S+ 00010000 \S+ \S+ +(\d+) (.+)$/gm)].map(([, inode, path]) => ({
    id: Number(inode),
    // NULs that pad an abstract name are shown as `@`.
    address: Buffer.from(path!.replace(/^(@.*?)@+$/, '$1'), 'latin1').toString('utf8'),
    port: undefined,
    owner: undefined,
  }))
}

/** The inodes of a process's sockets. Undefined if they may not be looked at. */
function socketsOf(pid: number): number[] | undefined {
  let descriptors: string[]
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES' || code === 'EPERM') return undefined
    if (isGone(error)) return []
    throw error
  }
  return descriptors.flatMap((descriptor) => {
    try {
      const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))
      return match === null ? [] : [Number(match[1])]
    } catch (error) {
      // It was closed meanwhile, or is a file whose path is longer than a page, which readlink(2) cannot show.
      if (isGone(error) || (error as NodeJS.ErrnoException).code === 'ENAMETOOLONG') return []
      throw error
    }
  })
}

function namespaceOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch (error) {
    if (isGone(error)) return ''
    throw error
  }
}

/** The listening sockets according to /proc. */
export const linuxListeners: ListenerTable = {
  hasSockets: (pids) => pids.some((pid) => (socketsOf(pid) ?? []).length > 0),

  look(pids, kind): Promise<ListenerSight> {
    // One process of each network namespace is enough to see all of its sockets.
    const windows = new Map(pids.map((pid) => [namespaceOf(pid), pid]))
    const listeners = [...windows.values()].flatMap((pid) =>
      kind === 'unix'
        ? parseUnix(readWhole(`/proc/${pid}/net/unix`))
        : [...parseTcp(readWhole(`/proc/${pid}/net/tcp`)), ...parseTcp(readWhole(`/proc/${pid}/net/tcp6`))],
    )
    const inodes = new Set(listeners.map(({ id }) => id))
    const held = new Map<number, number>()
    const unreadable: number[] = []
    for (const pid of pids) {
      const sockets = socketsOf(pid)
      if (sockets === undefined) unreadable.push(pid)
      for (const inode of sockets ?? []) if (inodes.has(inode) && !held.has(inode)) held.set(inode, pid)
    }
    return Promise.resolve({ listeners, held, unreadable })
  },

  holdersOf({ id }): Promise<number[]> {
    const pids = readdirSync('/proc').filter((name) => /^[1-9]\d*$/.test(name))
    return Promise.resolve(pids.map(Number).filter((pid) => socketsOf(pid)?.includes(id) === true))
  },
}
