import { isMainThread } from 'node:worker_threads'
import { type Forest, groupByParent, visitBelow } from '../system/forest.js'
import { table } from '../system/process-table/current.js'
import { childrenOf, descendantsOf, readChildren, readStat } from '../system/process-table/linux.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { ChildActivity } from './child-activity.js'
import type { OriginFacts } from './origin.js'
import { RecentPids } from './recent-pids.js'

// Where a guard reads processes from: the kernel's list of our children, and what is new on the machine. It reads no
// process that was there before and is nobody's child here, because most tests start little and the machine runs much.

/** A process that was read, and whose child it is. */
export interface Listed {
  readonly record: ProcessRecord
  readonly child: OriginFacts['child']
}

export class ChildSource {
  readonly #activity = new ChildActivity()
  readonly #recentPids = new RecentPids()
  /** Undefined where the kernel lists the children of each process. */
  #forest: Forest | undefined;

  /** Our children. For a worker thread: its own, and the orphans that the main thread has adopted. */
  *children(): Generator<Listed> {
    if (table.name !== 'linux') return
    const own = isMainThread ? [] : this.#activity.children()
    const pids = isMainThread
      ? childrenOf(process.pid, true)
      : [...own, ...(readChildren(process.pid, process.pid) ?? [])]
    for (const pid of pids) {
      const record = readStat(pid)
      const ofThread = own.includes(pid) ? 'of this thread' : undefined
      if (record !== undefined) yield { record, child: isMainThread ? 'of the process' : ofThread }
    }
  }

  /**
   * What is new on the machine since the last call, and what `keep` has named since. The portable table always lists
   * everything. `hasLost`: a process had gone before it could be read, and may have started another.
   */
  async newcomers(): Promise<{ readonly records: readonly ProcessRecord[]; readonly hasLost: boolean }> {
    if (table.name === 'linux') {
      const records = this.#recentPids.read()
      return { records, hasLost: this.#recentPids.hasLost }
    }
    const records = [...(await table.snapshot()).values()]
    this.#forest = groupByParent(records)
    return { records, hasLost: false }
  }

  /** The next `newcomers` include this process. */
  keep({ pid }: ProcessRecord): void {
    this.#recentPids.keep(pid)
  }

  /** Visits everything below a process. */
  below(record: ProcessRecord, visit: (record: ProcessRecord) => void): void {
    if (this.#forest === undefined) descendantsOf(record, visit)
    else visitBelow(record.pid, this.#forest, visit)
  }

  /** Whether a child has come or gone since the last `acknowledge`. */
  hasChanged(): boolean {
    return this.#activity.hasChanged()
  }

  acknowledge(): void {
    this.#activity.acknowledge()
  }

  close(): void {
    this.#activity.close()
  }
}
