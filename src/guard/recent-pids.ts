import { lastPid, pids, readStat } from '../system/process-table/linux.js'
import type { ProcessRecord } from '../system/process-table/table.js'

// Reads only the processes that are new since the last look, and not the whole machine each time. The kernel gives out
// pids in turn and says which one was the last. The pids around that one are read again, as a pid that was listed before
// may belong to another process by now. The counter starts again once it has reached the highest pid.

/** How many pids around the last one are read again: a process that is being made may not be listed yet. */
const overlap = 32

/** The processes of the machine that are new since the last reading, and those that the caller asked to keep. */
export class RecentPids {
  #last = lastPid()
  #listed = new Set(pids())
  #kept = new Set<number>()
  #hasLost = false

  /** The next reading includes this pid. */
  keep(pid: number): void {
    this.#kept.add(pid)
  }

  /** Whether a process had gone before it could be read. Then the list may lack what it started in the meantime. */
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
