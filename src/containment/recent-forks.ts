import { isMainThread } from 'node:worker_threads'
import { now } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { NumbersFile, readStat } from '../system/process-table/linux.js'
import { isZombie, type ProcessRecord } from '../system/process-table/table.js'
import { carriesLocksMark, readLocksMark } from './locks-mark.js'
import { remember, type Root } from './root.js'
import type { Found } from './scan.js'

/** How many pids below the last one are looked at, too. */
const reach = 2
/**
 * At most this many are looked at for one last pid: a machine on which others fork as well has more. To ask for a limit
 * takes 2 µs; to read an environment takes thirty times as long.
 */
const [most, mostToRead] = [1024, 64]
/** ms for which a search goes on, at most, because pids are still given out. */
const mostMore = 50

/**
 * The pids to look at, if everything up to `before` was listed or looked at: ranges, the newest first. Once the highest
 * pid has been given out, the numbers begin anew.
 */
export function rangesSince(before: number, last: number, count: number): (readonly [from: number, to: number])[] {
  const isRound = last < before
  const newest = [Math.max(2, last - count, Math.min(last - reach, isRound ? 2 : before + 1)), last] as const
  return isRound ? [newest, [before + 1, before + count]] : [newest]
}

/**
 * Whether everything of these roots shows their limits. A worker thread sets them on a running program, which may have
 * forked before.
 */
const showsLimits = (roots: readonly Root[]): boolean => isMainThread && roots.every(({ locks }) => locks !== undefined)

/** The root whose mark a process carries. */
function markedBy<Of extends Root>(pid: number, roots: readonly Of[]): Of | undefined {
  const limits = readLocksMark(pid)
  if (limits === undefined) return undefined
  const byLimit = roots.find(({ locks }) => locks !== undefined && carriesLocksMark(limits, locks))
  if (byLimit !== undefined || showsLimits(roots)) return byLimit
  const environment = table.environment(pid)
  return environment && roots.find(({ mark }) => environment.includes(mark))
}

/**
 * Finds processes that fork and exit faster than the process table can be listed. The kernel gives out pids in turn,
 * and tells the last one. A process that keeps forking has that pid, or one before it that was given out meanwhile.
 *
 * @param before the last pid when the process table was about to be listed.
 * @param time ms for which this blocks the event loop, and up to 50 more while pids are given out.
 * @param onFound is called with each new living process, as soon as it is found.
 * @param isSpared tells which of them count as nobody's.
 * @returns the processes that were found, alive or as zombies, and had not been seen before.
 */
export function findRecentForks<Of extends Root>(
  roots: readonly Of[],
  before: number,
  time: number,
  onFound: (record: ProcessRecord) => void,
  isSpared: (record: ProcessRecord) => boolean = () => false,
): Found<Of>[] {
  const met: Found<Of>[] = []
  if (roots.length === 0) return met
  const count = showsLimits(roots) ? most : mostToRead
  const numbers = new NumbersFile()
  let looked = before
  const end = now() + time
  const look = (pid: number): void => {
    const root = markedBy(pid, roots)
    const record = root && readStat(pid)
    if (root === undefined || record === undefined || record.startTime < root.identity.startTime) return
    // A process that was seen before is ended in its turn.
    if (root.known.get(pid)?.startTime === record.startTime || isSpared(record)) return
    if (!isZombie(record)) onFound(record)
    remember(root, record, 'mark')
    met.push({ record, root, evidence: 'mark' })
  }
  try {
    // This process may wait for a processor while others fork: then the time is over, and nobody has been looked at. It
    // goes on until no pid has been given out since a look began.
    while (now() < end || (numbers.last() !== looked && now() < end + mostMore)) {
      const last = numbers.last()
      const ranges = rangesSince(looked, last, count)
      looked = last
      for (const [from, to] of ranges) for (let pid = to; pid >= from; pid -= 1) look(pid)
    }
  } finally {
    numbers.close()
  }
  return met
}
