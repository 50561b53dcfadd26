import { pids, readProc, readStat } from '../system/process-table/linux.js'
import type { ProcessRecord } from '../system/process-table/table.js'

// Numbers are given out in turn, and /proc/loadavg ends with the last one: what has come since the last look is looked
// at, and not the whole machine each time.

/** Numbers before the last one that are looked at again: one that is being made may not be listed yet. */
const overlap = 32

const lastNumber = (): number => Number(readProc('/proc/loadavg')?.trimEnd().split(' ').at(-1) ?? 0)

/** The processes of the machine that are new since the last reading, and those that were asked to be kept. */
export class Newcomers {
  #last = lastNumber()
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
    const [from, to] = [this.#last - overlap, lastNumber()]
    // The numbers have begun again from the start.
    const isNew = (pid: number): boolean =>
      to >= this.#last ? pid > from && pid <= to + overlap : pid > from || pid <= to + overlap
    const kept = this.#kept
    const wanted = pids().filter((pid) => isNew(pid) || kept.has(pid))
    this.#last = to
    this.#kept = new Set()
    const records = wanted.flatMap((pid) => readStat(pid) ?? [])
    this.#hasLost = records.length < wanted.length
    return records
  }
}
