import { execFile } from 'node:child_process'
import { ProctorError } from '../../base/errors.js'
import type { Listener, ListenerTable } from './listener.js'

// For macOS, and for Linux when a test forces it. lsof(8) tells sockets and their holders at once. Without root it
// tells nothing about other users' processes.

interface Entry extends Listener {
  readonly pid: number
}

const list = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const parameters = ['-nP', '-w', '-iTCP', '-sTCP:LISTEN', '-U', '-FpufdtnT']
    execFile('lsof', parameters, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
      if (error?.code !== 'ENOENT') return resolve(stdout) // It exits with 1 when there is nothing to tell.
      return reject(new ProctorError('Ports are looked up with lsof(8) on this system, and it is not on PATH.'))
    })
  })

/** Parses the output of `lsof -F`: one field on each line, first those of a process, then those of its files. */
export function parseLsof(text: string): Entry[] {
  const entries: Entry[] = []
  let [pid, owner] = [0, 0]
  let file: Record<string, string> = {}
  const finish = (): void => {
    const { t: type, n: name, d: device = '', s: state } = file
    file = {}
    if (name === undefined || (state !== undefined && state !== 'LISTEN')) return
    const id = Number(device.startsWith('0x') ? BigInt(device) & 0x1f_ffff_ffff_ffffn : device)
    if (type === 'unix') {
      const path = name.replace(/(?:^| )type=.*$/, '')
      if (path !== '' && !path.startsWith('->')) entries.push({ id, address: path, port: undefined, owner, pid })
      return
    }
    const match = /^(.*):(\d+)(?: .*)?$/.exec(name)
    if (match === null) return
    const address = match[1] === '*' ? (type === 'IPv6' ? '::' : '0.0.0.0') : match[1]!.replaceAll(/^\[|\]$/g, '')
    entries.push({ id, address, port: Number(match[2]), owner, pid })
  }
  for (const line of text.split('\n')) {
    const [field, value] = [line.charAt(0), line.slice(1)]
    if (field === 'p' || field === 'f') finish()
    if (field === 'p') pid = Number(value)
    else if (field === 'u') owner = Number(value)
    else if (field === 'T') {
      if (value.startsWith('ST=')) file['s'] = value.slice(3)
    } else file[field] = value
  }
  finish()
  return entries
}

/** The listening sockets according to lsof. */
export const lsofListeners: ListenerTable = {
  // Only lsof(8) knows, which takes as long as a look.
  hasSockets: () => true,

  async look(pids, kind) {
    const entries = parseLsof(await list()).filter(({ port }) => (port === undefined) === (kind === 'unix'))
    const own = entries.filter(({ pid }) => pids.includes(pid))
    return { listeners: entries, held: new Map(own.map(({ id, pid }) => [id, pid])), unreadable: [] }
  },

  async holdersOf({ id }) {
    return parseLsof(await list()).flatMap((entry) => (entry.id === id ? [entry.pid] : []))
  },
}
