import { isMainThread } from 'node:worker_threads'
import { randomBytes } from '../base/random.js'
import { readProc } from '../system/process-table/linux.js'
import { hasHolder } from '../system/signals.js'
import { loadNatives, type LocksLimit } from '../system/syscalls.js'
import { isSharedMark, limitHard } from './threads/shared-mark.js'

// The second mark: the soft limit RLIMIT_LOCKS, which the kernel has not used since 2.4.25. It is inherited over fork,
// exec, setsid and `env -i`. Everybody can read it in /proc/PID/limits, even for processes that are not dumpable, for
// zombies, and in the middle of an exec. Programs that use PAM (su, login) reset it.
//
// A mark has 62 bits: 42 for the worker, and 20 for one of its commands. A proctor inside a command of another one
// carries the outer one's mark itself. It makes that mark its *hard* limit, for good, and gives its own commands soft
// limits below it. So the outermost proctor finds everything by the hard limit, and the innermost by the soft limit.
// One in between has to use the environment and the parents.

const commandBits = 20n
const commandMask = (1n << commandBits) - 1n
/** The number of bits of the outermost worker's marks. Those of an inner one have one bit less. */
const mostBits = 62
/** A limit with fewer bits is not a mark. */
const leastBits = 56

const unlimited = (1n << 64n) - 1n

const toLimit = (text: string): bigint => (text === 'unlimited' ? unlimited : BigInt(text))

/** Both limits of a process of this user: the system call takes a tenth of the time that the file does. */
function askLocksMark(pid: number): LocksLimit | undefined {
  const natives = loadNatives()
  const limit = typeof natives === 'string' ? undefined : natives.locksLimit(pid)
  return limit === undefined || (limit.soft === 0n && limit.hard === 0n) ? undefined : limit
}

/** The second mark of a process: both limits. Undefined if they cannot be read. */
export function readLocksMark(pid: number): LocksLimit | undefined {
  const asked = askLocksMark(pid)
  if (asked !== undefined) return asked
  if (!hasHolder(pid)) return undefined
  const text = readProc(`/proc/${pid}/limits`, true)
  const match = text === undefined ? null : /^Max file locks +(\d+|unlimited) +(\d+|unlimited) /m.exec(text)
  return match === null ? undefined : { soft: toLimit(match[1]!), hard: toLimit(match[2]!) }
}

const bitsOf = (value: bigint): number => value.toString(2).length

/** Whether a limit may be a worker's mark. */
export const isLocksMark = (limit: bigint): boolean => bitsOf(limit) >= leastBits && bitsOf(limit) <= mostBits

const namesWorker = (mark: bigint): boolean => (mark & commandMask) === 0n

/** Whether a limit is this mark. A mark of a worker matches each of its commands. */
const isLimit = (limit: bigint, mark: bigint): boolean =>
  limit === mark || (namesWorker(mark) && limit >> commandBits === mark >> commandBits)

/** Whether a process with these limits carries a mark. */
export const carriesLocksMark = ({ soft, hard }: LocksLimit, mark: bigint): boolean =>
  isLimit(soft, mark) || isLimit(hard, mark)

/** A worker's second marks. */
export interface LocksMarks {
  /** The common prefix of all marks of this worker. */
  readonly worker: bigint
  /** The mark of the command with this number. */
  of(command: number): bigint
}

/** A random number of exactly this many bits, of which the last ones are zero. */
function randomMark(bits: number): bigint {
  const random = randomBytes(8).readBigUInt64LE()
  const top = 1n << BigInt(bits - 1)
  return top | (random & (top - 1n) & ~commandMask)
}

/** Makes new marks for this process. Undefined if there are no system calls, or the limits leave no room for marks. */
export function openLocksMarks(): LocksMarks | undefined {
  const natives = loadNatives()
  if (typeof natives === 'string') return undefined
  const { soft, hard } = natives.locksLimit()
  // Another thread has opened its marks, and this process carries the one that all of them share.
  if (isSharedMark(soft)) return marksWith(bitsOf(soft))
  const isInner = isLocksMark(soft)
  const bits = isInner ? bitsOf(soft) - 1 : mostBits
  // If there are three proctors inside each other, the outermost one's hard limit stays.
  const highest = isInner && hard === unlimited ? soft : hard
  if (bits < leastBits || bitsOf(highest) <= bits) return undefined
  limitHard(natives, bits, highest)
  if (natives.locksLimit().hard !== highest) return undefined
  return marksWith(bits)
}

function marksWith(bits: number): LocksMarks {
  const worker = randomMark(bits)
  return { worker, of: (command) => worker | ((BigInt(command) % commandMask) + 1n) }
}

/**
 * Starts a program that carries a mark. On the main thread, this process carries the mark itself while `start` runs, so
 * that the program has it from its first instruction on. The threads of a process share their limits. So from another
 * thread, the mark is set on the child by its pid once it exists.
 */
export function startMarked<Started>(
  mark: bigint | undefined,
  start: () => Started,
  pidOf: (started: Started) => number | undefined,
): Started {
  const natives = mark === undefined ? '' : loadNatives()
  if (mark === undefined || typeof natives === 'string') return start()
  if (!isMainThread) {
    const started = start()
    const pid = pidOf(started)
    if (pid !== undefined) giveLocksMark(pid, mark)
    return started
  }
  const before = natives.locksLimit()
  natives.limitLocks(0, { soft: mark, hard: before.hard })
  try {
    return start()
  } finally {
    natives.limitLocks(0, before)
  }
}

/** Starts a program without a mark of this worker. A mark that an outer proctor gave to this process stays. */
export function startUnmarked<Started extends { readonly pid?: number | undefined }>(start: () => Started): Started {
  const natives = loadNatives()
  const hard = typeof natives === 'string' ? undefined : natives.locksLimit().hard
  return startMarked(hard, start, ({ pid }) => pid)
}

function limitChild(pid: number, softBelow: (hard: bigint) => bigint): void {
  const natives = loadNatives()
  if (typeof natives === 'string') return
  const { hard } = natives.locksLimit()
  natives.limitLocks(pid, { soft: softBelow(hard), hard })
}

/** Sets a child's mark, which everything that it starts from then on inherits. */
export const giveLocksMark = (pid: number, mark: bigint): void => limitChild(pid, () => mark)

/** Removes a mark of this worker from a child. A mark that an outer proctor gave to this process stays. */
export const takeLocksMark = (pid: number): void => limitChild(pid, (hard) => hard)

/**
 * Gives a mark to everything that this process starts from now on. Only on the main thread.
 *
 * @returns a function that ends this.
 */
export function carryLocksMark(mark: bigint): () => void {
  const natives = isMainThread ? loadNatives() : ''
  if (typeof natives === 'string') return () => {}
  const before = natives.locksLimit()
  natives.limitLocks(0, { soft: mark, hard: before.hard })
  return () => void natives.limitLocks(0, before)
}
