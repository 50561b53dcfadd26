import { isMainThread } from 'node:worker_threads'
import { randomBytes } from '../base/random.js'
import { readProc } from '../system/process-table/linux.js'
import { loadNatives, type LocksLimit } from '../system/syscalls.js'

// The second mark: the soft limit RLIMIT_LOCKS, which the kernel has not used since 2.4.25. It is inherited over fork,
// exec, setsid and `env -i`, and it can be read in /proc/PID/limits of everybody's processes: of those that are not
// dumpable, of zombies, and in the middle of an exec. The programs of PAM (su, login) reset it.
//
// A mark has 62 bits: 42 that name the worker, and 20 that name one of its commands. A proctor inside of a command of
// another one carries the outer one's mark itself. It makes that its *hard* limit, for good, and gives its own commands
// soft limits below it. So the outermost finds everything by the hard limit, and the innermost by the soft one. One in
// between goes by the environment and by parents there.

const commandBits = 20n
const commandMask = (1n << commandBits) - 1n
/** The outermost worker's marks have this many bits, an inner one's have one less. */
const mostBits = 62
/** With fewer bits a limit is nobody's mark. */
const leastBits = 56

const unlimited = (1n << 64n) - 1n

const toLimit = (text: string): bigint => (text === 'unlimited' ? unlimited : BigInt(text))

/** The second mark that a process carries: both limits, or `undefined` where they cannot be read. */
export function readLocksMark(pid: number | 'self'): LocksLimit | undefined {
  const text = readProc(`/proc/${pid}/limits`, true)
  const match = text === undefined ? null : /^Max file locks +(\d+|unlimited) +(\d+|unlimited) /m.exec(text)
  return match === null ? undefined : { soft: toLimit(match[1]!), hard: toLimit(match[2]!) }
}

const bitsOf = (value: bigint): number => value.toString(2).length

/** Whether a limit can be some worker's mark. */
export const isLocksMark = (limit: bigint): boolean => bitsOf(limit) >= leastBits && bitsOf(limit) <= mostBits

const namesWorker = (mark: bigint): boolean => (mark & commandMask) === 0n

/** Whether a limit is this mark. One that names a worker alone is met by each of that worker's commands. */
const isLimit = (limit: bigint, mark: bigint): boolean =>
  limit === mark || (namesWorker(mark) && limit >> commandBits === mark >> commandBits)

/** Whether a process with these limits carries a mark. */
export const carriesLocksMark = ({ soft, hard }: LocksLimit, mark: bigint): boolean =>
  isLimit(soft, mark) || isLimit(hard, mark)

/** A worker's second marks. */
export interface LocksMarks {
  /** What all of this worker's marks begin with. */
  readonly worker: bigint
  /** The mark of the command with this number. */
  of(command: number): bigint
}

/** A random number of exactly this many bits, the last ones zero. */
function randomMark(bits: number): bigint {
  const random = randomBytes(8).readBigUInt64LE()
  const top = 1n << BigInt(bits - 1)
  return top | (random & (top - 1n) & ~commandMask)
}

/** Begins to mark, with marks of this process's own. `undefined` where there are no system calls, or no room for it. */
export function openLocksMarks(): LocksMarks | undefined {
  const natives = loadNatives()
  if (typeof natives === 'string') return undefined
  const { soft, hard } = natives.locksLimit()
  const isInner = isLocksMark(soft)
  const bits = isInner ? bitsOf(soft) - 1 : mostBits
  // In a proctor within a proctor within a proctor the outermost one's hard limit stays.
  const highest = isInner && hard === unlimited ? soft : hard
  if (bits < leastBits || bitsOf(highest) <= bits || !natives.limitLocks(0, { soft, hard: highest })) return undefined
  const worker = randomMark(bits)
  return { worker, of: (command) => worker | ((BigInt(command) % commandMask) + 1n) }
}

/**
 * Starts a program that carries a mark. On the main thread this process carries it itself for as long as `start` takes,
 * so that the program has it from its first instruction on. The threads of a process share their limits: from another
 * thread the child is given it once it is there, by its number.
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

/** Starts a program that carries no mark of this worker's. One that an outer proctor gave to this process stays. */
export function startUnmarked<Started>(start: () => Started): Started {
  const natives = loadNatives()
  const hard = typeof natives === 'string' ? undefined : natives.locksLimit().hard
  return startMarked(isMainThread ? hard : undefined, start, () => undefined)
}

function limitChild(pid: number, softBelow: (hard: bigint) => bigint): void {
  const natives = loadNatives()
  if (typeof natives === 'string') return
  const { hard } = natives.locksLimit()
  natives.limitLocks(pid, { soft: softBelow(hard), hard })
}

/** Gives a child its mark, which what it starts from then on inherits. */
export const giveLocksMark = (pid: number, mark: bigint): void => limitChild(pid, () => mark)

/** Takes a mark of this worker's away from a child. One that an outer proctor gave to this process stays. */
export const takeLocksMark = (pid: number): void => limitChild(pid, (hard) => hard)

/**
 * Whatever this process starts from here on carries a mark. Of the main thread alone.
 *
 * @returns what takes that back.
 */
export function carryLocksMark(mark: bigint): () => void {
  const natives = isMainThread ? loadNatives() : ''
  if (typeof natives === 'string') return () => {}
  const before = natives.locksLimit()
  natives.limitLocks(0, { soft: mark, hard: before.hard })
  return () => void natives.limitLocks(0, before)
}
