import { threadId } from 'node:worker_threads'
import { pause } from '../../base/clock.js'
import { loadNatives, type LocksLimit, type Natives } from '../../system/syscalls.js'
import { formatOwner, thisOwner } from '../owner.js'

// The threads of a process share their limits. What a thread starts cannot carry a mark of its own from its first
// instruction on, and `execSync` returns no pid to set one on. So the whole process carries one mark while any of its
// threads guards a file. An orphan with that mark comes from this process.
//
// The prefix of the mark is made of this process's identity, so every thread knows it without asking. Its last bits say
// how many files are guarded, and which thread's file is the only one. So an orphan shows whether it started while one
// file was guarded, or several.

const stateBits = 20n
const threadBits = 12n
/** What the last bits hold while a thread changes them. */
const busy = (1n << stateBits) - 1n
const [mostFiles, mostThreads] = [254, 4094]
/** How often a thread looks for the end of another one's change. That takes microseconds, or longer without a processor. */
const mostLooks = 20_000

interface GuardedFiles {
  readonly files: number
  /** The thread whose file is the only one, or 0. */
  readonly only: number
}

const bitsOf = (value: bigint): number => value.toString(2).length

/** FNV-1a with 64 bits. */
function hashOf(text: string): bigint {
  let result = 0xcbf29ce484222325n
  for (const byte of Buffer.from(text)) result = BigInt.asUintN(64, (result ^ BigInt(byte)) * 0x100000001b3n)
  return result
}

let hash: bigint | undefined

/** The shared mark of this process with this many bits, without the last ones. */
function prefixOf(bits: number): bigint {
  hash ??= hashOf(formatOwner(thisOwner()))
  const top = 1n << BigInt(bits - 1)
  return top | (hash & (top - 1n) & ~busy)
}

/** Whether a soft limit is the shared mark of this process. */
export const isSharedMark = (limit: bigint): boolean =>
  limit >> stateBits > 1n && (limit & ~busy) === prefixOf(bitsOf(limit))

/** Whether a limit is this process's mark, from a time when several files were guarded. */
export const isOfSeveral = (limit: bigint): boolean => isSharedMark(limit) && stateIn(limit).only === 0

function stateIn(limit: bigint): GuardedFiles {
  if (!isSharedMark(limit)) return { files: 0, only: 0 }
  const state = limit & busy
  if (state === busy) return { files: 1, only: 0 }
  return { files: Number(state >> threadBits), only: Number(state & ((1n << threadBits) - 1n)) }
}

/** This thread in a mark. */
const thisThread = (threadId % mostThreads) + 1

/**
 * Changes the soft limit of this process while no other thread does. prlimit(2) sets a limit and returns the one before
 * it in one step: that is the lock.
 */
function change(natives: Natives, bits: number, hard: bigint, next: (soft: bigint) => bigint): void {
  const locked = { soft: prefixOf(bits) | busy, hard }
  let { soft } = natives.swapLocks(locked)
  for (let look = 0; soft === locked.soft && look < mostLooks; look += 1) {
    pause(0.1)
    soft = natives.swapLocks(locked).soft
  }
  natives.limitLocks(0, { soft: next(soft), hard })
}

/**
 * Sets the hard limit of this process, and leaves the soft one as it is.
 *
 * @param bits of the shared mark.
 */
export const limitHard = (natives: Natives, bits: number, hard: bigint): void =>
  change(natives, bits, hard, (soft) => soft)

/** Lets this thread's guarded file count in the mark that the whole process carries. */
export class SharedMark {
  readonly #natives: Natives
  readonly #prefix: bigint
  #isReleased = false

  private constructor(natives: Natives, bits: number) {
    this.#natives = natives
    this.#prefix = prefixOf(bits)
  }

  /**
   * Begins to count this thread's file.
   *
   * @param worker this thread's own second mark, which says how many bits are free.
   */
  static hold(worker: bigint | undefined): SharedMark | undefined {
    const natives = worker === undefined ? '' : loadNatives()
    if (worker === undefined || typeof natives === 'string') return undefined
    const made = new SharedMark(natives, bitsOf(worker))
    made.#change(({ files }) => ({ files: Math.min(mostFiles, files + 1), only: files === 0 ? thisThread : 0 }))
    return made
  }

  /** Notes that this thread's file is the only one, once the others have ended. */
  renew(): void {
    const { soft } = this.#natives.locksLimit()
    const { files, only } = stateIn(soft)
    if (this.#isReleased || files > 1 || only === thisThread) return
    // Another thread believes that it is alone, and is not.
    this.#change((now) => (now.only === 0 && now.files < 2 ? { files: 1, only: thisThread } : { files: 2, only: 0 }))
  }

  /** Ends the count of this thread's file. Returns whether it was the only one. */
  release(): boolean {
    if (this.#isReleased) return false
    this.#isReleased = true
    let left = 0
    this.#change(({ files }) => ({ files: (left = Math.max(0, files - 1)), only: 0 }))
    return left === 0
  }

  /** Whether a limit says that this thread's file was the only one. */
  isAlone(limit: bigint): boolean {
    return stateIn(limit).only === thisThread
  }

  #change(step: (before: GuardedFiles) => GuardedFiles): void {
    const { hard } = this.#natives.locksLimit()
    change(this.#natives, bitsOf(this.#prefix), hard, (soft) => {
      const { files, only } = step(stateIn(soft))
      const state = (BigInt(files) << threadBits) | BigInt(only)
      return files === 0 ? this.#before(hard) : this.#prefix | state
    })
  }

  /**
   * The soft limit that this process had before. With three proctors inside each other, it was the middle one's mark,
   * which is lost: then the process keeps this mark.
   */
  #before(hard: bigint): bigint {
    return bitsOf(hard) === bitsOf(this.#prefix) + 1 || bitsOf(hard) > 62 ? hard : this.#prefix
  }
}

/** Takes the shared mark off a process, which then counts as nobody's. */
export function takeSharedMark(pid: number): void {
  const natives = loadNatives()
  if (typeof natives === 'string') return
  const { soft, hard }: LocksLimit = natives.locksLimit(pid)
  if (isSharedMark(soft)) natives.limitLocks(pid, { soft: hard, hard })
}
