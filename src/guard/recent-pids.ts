import { lastPid, pids, readStat } from '../system/process-table/linux.js'
import type { ProcessRecord } from '../system/process-table/table.js'

// Whoever was not listed at the last look is new, and is looked at, and not the whole machine each time. Numbers are
// given out in turn, and the kernel says which one was the last: those around it are looked at too, for a number that was
// listed may be another's by now. The counter begins anew at the end of the numbers.

/** Numbers before the last one that are looked at again: one that is being made may not be listed yet. */
const overlap = 32

/** The processes of the machine that are new since the last reading, and those that were asked to be kept. */
export class Newcomers {
  #last = lastPid()
  #listed = new Set(pids())
  #kept = new Set<number>()
  #hasLost = false

  /** The process with this number is given again. */
  keep(pid: number): void {
    this.#kept.add(pid)
  }

  /** Whether one was gone before it could be read: what it has started in the meantime may not have been listed. */
  get hasLost(): boolean {
    return this.#hasLost
  }

  read(): ProcessRecord[] {
    const [from, to] = [this.#last - overlap, lastPid()]
    const isGivenOut = (pid: number): boolean =>
      to >= this.#last ? pid > from && pid <= to + overlap : pid > from || pid <= to + overlap
    const [listed, kept, all] = [this.#listed, this.#kept, pids()]
    const wanted = all.filter((pid) => !listed.has(pid) || kept.has(pid) || isGivenOut(pid))
    this.#last = to
    this.#listed = new Set(all)
    this.#kept = new Set()
    const records = wanted.flatMap((pid) => readStat(pid) ?? [])
    this.#hasLost = records.length < wanted.length
    return records
  }
}
