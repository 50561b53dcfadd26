import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, statSync } from 'node:fs'
import { quoteCommand } from '../../base/command-line.js'
import { ContainmentError } from '../../base/errors.js'
import { now, turn, wallClock } from '../../base/clock.js'
import { isZombie, type ProcessIdentity, type ProcessRecord, type ProcessTable } from './table.js'

// Reads proc(5). Every read is synchronous and small, so a pid cannot be reused between two lines of code, as long as
// nobody waits for its holder.

const buffer = Buffer.allocUnsafe(256 * 1024)

/**
 * Whether an error means that the process has gone (ENOENT, ESRCH) or belongs to another user (EACCES, EPERM). Any
 * other error, such as one for want of file descriptors, says nothing about the process, which must not be taken for
 * dead.
 */
export function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return (
    code === 'ENOENT' ||
    code === 'ESRCH' ||
    code === 'EACCES' ||
    code === 'EPERM' ||
    code === 'ENOTDIR' ||
    code === 'EINVAL'
  )
}

function whenGone(error: unknown): undefined {
  if (isGone(error)) return undefined
  throw new ContainmentError(`Processes cannot be looked at: ${(error as Error).message}`, { cause: error })
}

/**
 * The text of a file in /proc. Undefined if the process has gone or may not be read.
 *
 * @param isOneRecord the kernel makes it in one piece (seq_file's single_open), so the first read returns all of it.
 */
export function readProc(path: string, isOneRecord = false): string | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    return whenGone(error)
  }
  try {
    let length = 0
    for (;;) {
      const read = readSync(file, buffer, length, buffer.length - length, null)
      length += read
      if (read === 0 || isOneRecord || length === buffer.length) return buffer.toString('latin1', 0, length)
    }
  } catch (error) {
    return whenGone(error)
  } finally {
    closeSync(file)
  }
}

/**
 * The first fields of /proc/PID/stat, beginning with `state`. Before them comes the program's name, which may contain
 * anything.
 */
export function fieldsOfStat(text: string, most: number): string[] | undefined {
  const close = text.lastIndexOf(')')
  return close < 0 || !text.includes('(') ? undefined : text.slice(close + 2).split(' ', most)
}

/** Whether a thread's fields have PF_EXITING of the kernel's <linux/sched.h>: it is exiting, or has exited. */
export const hasExitingFlag = (fields: readonly string[]): boolean => (Number(fields[6]) & 0x4) !== 0

/** The used fields of /proc/PID/stat. */
export function parseStat(text: string): ProcessRecord | undefined {
  const fields = fieldsOfStat(text, 20)
  // Somebody has waited for it while this was read: the kernel has taken it out of its group and its session, names no
  // parent any more, and its pid may be another process's by now.
  if (fields === undefined || fields[2] === '-1') return undefined
  const [state = '?'] = fields
  // The main thread has state Z as soon as it has exited. But while other threads hold files and ports, the process is
  // running.
  const hasThreads = Number(fields[17]) > 1
  const isWithoutMain = state === 'Z' && hasThreads
  return {
    pid: Number.parseInt(text, 10),
    state: isWithoutMain ? 'R' : state,
    ppid: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    hasTerminal: fields[4] !== '0',
    isThreaded: hasThreads,
    isExiting: isWithoutMain || (hasExitingFlag(fields) && !isZombie({ state })),
    startTime: Number(fields[19]),
  }
}

/** Reads /proc/PID/stat. */
export function readStat(pid: number): ProcessRecord | undefined {
  const text = readProc(`/proc/${pid}/stat`, true)
  return text === undefined ? undefined : parseStat(text)
}

/** What waitpid(2) will say of a process that is exiting, or has exited and was not waited for. */
export function exitStatus(pid: number): number | undefined {
  const text = readProc(`/proc/${pid}/stat`, true)
  return text === undefined ? undefined : Number(fieldsOfStat(text, 50)?.[49])
}

/**
 * Whether a process has an environment, and that is empty. In the middle of an exec it shows an empty one, too, but
 * there is no place for it in memory yet (env_start and env_end in proc(5)).
 */
export function hasEmptyEnvironment(pid: number): boolean {
  const [start = '0', end] = fieldsOfStat(readProc(`/proc/${pid}/stat`, true) ?? '', 49)?.slice(47) ?? []
  return start !== '0' && start === end
}

export const entries = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch (error) {
    return whenGone(error) ?? []
  }
}

export const parsePids = (text: string): number[] => (text === '' ? [] : text.trimEnd().split(' ').map(Number))

/** The children of one thread: /proc/PID/task/TID/children. Undefined if the kernel has no such file. */
export function readChildren(pid: number, tid: number): number[] | undefined {
  const text = readProc(`/proc/${pid}/task/${tid}/children`)
  return text === undefined ? undefined : parsePids(text)
}

/** The children of all threads of a process. */
export function childrenOf(pid: number, isThreaded: boolean): number[] {
  if (!isThreaded) return readChildren(pid, pid) ?? []
  const tasks = entries(`/proc/${pid}/task`)
  return tasks.flatMap((tid) => readChildren(pid, Number(tid)) ?? [])
}

/** All descendants of `pid` whose ancestors are alive, without `pid` itself. */
export function descendantsOf(
  { pid, isThreaded = true }: Pick<ProcessRecord, 'pid' | 'isThreaded'>,
  visit: (record: ProcessRecord) => void,
): void {
  for (const child of childrenOf(pid, isThreaded)) {
    const record = readStat(child)
    if (record === undefined || record.ppid !== pid) continue
    visit(record)
    descendantsOf(record, visit)
  }
}

/** Bytes. Much less than a page. */
const shortRead = 2048

/** Reads a file in /proc repeatedly through one descriptor. */
class ProcFile {
  #file: number | undefined

  constructor(path: string) {
    try {
      this.#file = openSync(path, 'r')
    } catch (error) {
      this.#file = whenGone(error)
    }
  }

  read(): string {
    if (this.#file === undefined) return ''
    let length = 0
    for (;;) {
      const read = readSync(this.#file, buffer, length, buffer.length - length, length)
      length += read
      // seq_file returns at least a full page, unless it is at the end.
      if (read < shortRead) return buffer.toString('latin1', 0, length)
    }
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
  }
}

/** Reads the list of one thread's children repeatedly. */
export class ChildrenFile {
  readonly #file: ProcFile

  constructor(pid: number, tid: number) {
    this.#file = new ProcFile(`/proc/${pid}/task/${tid}/children`)
  }

  read(): number[] {
    return parsePids(this.#file.read())
  }

  close(): void {
    this.#file.close()
  }
}

const lastNumberIn = (text: string): number => Number.parseInt(text.slice(text.lastIndexOf(' ') + 1), 10) || 0

/** The pid that was given out last: the last number of /proc/loadavg. */
export const lastPid = (): number => lastNumberIn(readProc('/proc/loadavg', true) ?? '')

/** Reads that number repeatedly. */
export class NumbersFile {
  readonly #file = new ProcFile('/proc/loadavg')

  last(): number {
    return lastNumberIn(this.#file.read())
  }

  close(): void {
    this.#file.close()
  }
}

export const pids = (): number[] =>
  entries('/proc')
    .filter((name) => name.charCodeAt(0) >= 49 && name.charCodeAt(0) <= 57)
    .map(Number)

/**
 * The folder in /proc to read a process from. If the main thread has ended while others work, it has no environment,
 * folder and files any more, but the others still show theirs.
 */
function shownBy(pid: number): string {
  const other =
    readStat(pid)?.isExiting === true ? entries(`/proc/${pid}/task`).find((tid) => tid !== String(pid)) : undefined
  return other === undefined ? `/proc/${pid}` : `/proc/${pid}/task/${other}`
}

const link = (path: string): string | undefined => {
  try {
    return readlinkSync(path)
  } catch (error) {
    return whenGone(error)
  }
}

/**
 * The reason why /proc cannot be used, if there is one: it may show another pid namespace, where the pids belong to
 * other processes (`unshare --pid` without `--mount-proc`).
 */
export function foreignProc(): string | undefined {
  if (process.platform !== 'linux' || lstatSync('/proc/self', { throwIfNoEntry: false }) === undefined) return undefined
  const seen = link('/proc/self')
  if (seen === String(process.pid)) return undefined
  const there = seen === undefined ? 'is not there' : `has the number ${seen} there`
  return `/proc is that of another pid namespace: this process is ${process.pid}, and ${there}`
}

// USER_HZ (getconf CLK_TCK) is 100 on every Linux that Node runs on.
export const ticksPerSecond = 100

let boot = { time: 0, readAt: -Infinity }
let ownStart: number | undefined

/** When the machine booted, in ms since 1970. Read again every second, because the wall clock may be set. */
function bootTime(): number {
  if (now() - boot.readAt > 1000) {
    const uptime = Number.parseFloat(readProc('/proc/uptime') ?? '0')
    boot = { time: wallClock() - uptime * 1000, readAt: now() }
  }
  return boot.time
}

/** The process table of Linux, read from /proc. */
export const linuxTable: ProcessTable = {
  name: 'linux',
  identify: readStat,
  isSame: (a, b) => a.pid === b.pid && a.startTime === b.startTime,
  isOlder: (a, b) => a.startTime < b.startTime,

  async snapshot() {
    const records = new Map<number, ProcessRecord>()
    let read = 0
    for (const pid of pids()) {
      const record = readStat(pid)
      if (record !== undefined) records.set(pid, record)
      read += 1
      if (read % 500 === 0) await turn()
    }
    return records
  },

  // Newest first, and each is read on demand: in a chain of short-lived forks the newest process has the longest left
  // to live.
  *membersOf(group) {
    for (const pid of pids().toReversed()) {
      const record = readStat(pid)
      if (record?.group === group && !isZombie(record)) yield record
    }
  },

  commandLine(pid) {
    const text = readProc(`/proc/${pid}/cmdline`)
    if (text !== undefined && text !== '') {
      const decoded = Buffer.from(text, 'latin1').toString('utf8')
      return quoteCommand(decoded.replace(/\0+$/, '').split('\0'))
    }
    return `[${readProc(`/proc/${pid}/comm`)?.trimEnd() ?? pid}]`
  },

  environment(pid) {
    const own = readProc(`/proc/${pid}/environ`)
    const text = own === '' ? readProc(`${shownBy(pid)}/environ`) : own
    return text === undefined ? undefined : text.split('\0').filter((entry) => entry !== '')
  },

  cwd: (pid) => (link(`/proc/${pid}/cwd`) ?? link(`${shownBy(pid)}/cwd`))?.replace(/ \(deleted\)$/, ''),

  openFiles(pid) {
    const folder = `${shownBy(pid)}/fd`
    return entries(folder).flatMap((descriptor) => link(`${folder}/${descriptor}`) ?? [])
  },

  // In a container, the uptime may be the container's, and too low. So this is at least the worker's own start time.
  startTimeNow: () =>
    Math.max(
      Math.floor(((wallClock() - bootTime()) * ticksPerSecond) / 1000) - 5,
      (ownStart ??= readStat(process.pid)?.startTime) ?? 0,
    ),

  startedAt: (identity: ProcessIdentity) => bootTime() + (identity.startTime * 1000) / ticksPerSecond,

  owner(pid) {
    try {
      return statSync(`/proc/${pid}`).uid
    } catch {
      return undefined
    }
  },

  waitChannel: (pid) => readProc(`/proc/${pid}/wchan`)?.trim() || undefined,
}

/** The inodes of all or some of a process's standard streams, as /proc/PID/fd shows them. */
export const standardStreams = (pid: number, descriptors: readonly number[] = [0, 1, 2]): string[] =>
  descriptors.flatMap((descriptor) => {
    const target = link(`/proc/${pid}/fd/${descriptor}`)
    return target !== undefined && /^(?:socket|pipe):/.test(target) ? [target] : []
  })
