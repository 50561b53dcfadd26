import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { wallClock } from '../../base/clock.js'
import type { ListedProcess } from './ps-list.js'
import { isZombie, type ProcessRecord, type ProcessTable } from './table.js'

// For macOS, and for Linux when a test forces it. pidtree tells the parents, ps-list the command lines and owners, and
// our own ps(1) call what neither of them has: group, state, terminal, start. On macOS, `sess` is a pointer, so it is
// not used. ps-list and pidtree are loaded for the first snapshot.

const execute = promisify(execFile)
const environment = { ...process.env, LC_ALL: 'C' }
const columns = 'pid=,ppid=,pgid=,stat=,tty=,lstart='

function parseLine(line: string): ProcessRecord | undefined {
  const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.+?)\s*$/.exec(line)
  if (match === null) return undefined
  const [, pid, ppid, group, state, terminal, started] = match
  return {
    pid: Number(pid),
    ppid: Number(ppid),
    group: Number(group),
    session: 0,
    state: state!.charAt(0),
    hasTerminal: !/^\?+$|^-$/.test(terminal!),
    startTime: Date.parse(started!) / 1000,
  }
}

const parseTable = (text: string): Map<number, ProcessRecord> =>
  new Map(
    text.split('\n').flatMap((line) => {
      const record = parseLine(line)
      return record === undefined ? [] : [[record.pid, record] as const]
    }),
  )

const ps = async (...parameters: string[]): Promise<string> => {
  const options = { env: environment, maxBuffer: 64 * 1024 * 1024 }
  return (await execute('ps', parameters, options)).stdout
}

/** The records of some processes, read at once. */
function psNow(...selection: string[]): Map<number, ProcessRecord> {
  try {
    return parseTable(
      execFileSync('ps', ['-o', columns, ...selection], {
        env: environment,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    )
  } catch {
    return new Map() // ps exits 1 when nobody has that number.
  }
}

/** The environment and command line of every process that may be read: `ps e` on Linux, `ps -E` on macOS. */
const environments = (): Promise<string> =>
  process.platform === 'linux' ? ps('axeww', '-o', 'pid=,args=') : ps('-A', '-E', '-ww', '-o', 'pid=,command=')

let listed = new Map<number, ListedProcess>()
let worded = new Map<number, string>()

export const portableTable: ProcessTable = {
  name: 'portable',

  // `lstart` is in whole seconds, and ps computes it at every call. It may differ by one.
  isSame: (a, b) => a.pid === b.pid && Math.abs(a.startTime - b.startTime) <= 1,
  isOlder: (a, b) => a.startTime < b.startTime - 1,

  identify: (pid) => psNow('-p', String(pid)).get(pid),
  membersOf: (group) => [...psNow('-A').values()].filter((record) => record.group === group && !isZombie(record)),

  async snapshot() {
    const [{ listProcesses }, { listParents }] = await Promise.all([import('./ps-list.js'), import('./pidtree.js')])
    const [table, parents, processes, withEnvironment] = await Promise.all([
      ps('-A', '-o', columns),
      listParents(),
      listProcesses(),
      environments(),
    ])
    listed = processes
    worded = new Map(
      withEnvironment.split('\n').flatMap((line) => {
        const match = /^\s*(\d+) (.*)$/.exec(line)
        return match === null ? [] : [[Number(match[1]), match[2]!] as const]
      }),
    )
    const records = parseTable(table)
    for (const [pid, record] of records) records.set(pid, { ...record, ppid: parents.get(pid) ?? record.ppid })
    return records
  },

  commandLine: (pid) => listed.get(pid)?.command ?? `[${pid}]`,

  environment: (pid) =>
    worded
      .get(pid)
      ?.split(' ')
      .filter((word) => word.includes('=')),

  cwd: () => undefined,
  openFiles: () => [],
  startTimeNow: () => Math.floor(wallClock() / 1000),
  startedAt: (identity) => identity.startTime * 1000,
  owner: (pid) => listed.get(pid)?.owner,
  waitChannel: () => undefined,
}
