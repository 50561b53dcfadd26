import { now } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { keyOf, type ProcessRecord } from '../system/process-table/table.js'
import { attributeKnown, type Facts, type Parentage } from './attribute.js'
import { ProcessFacts, type Self } from './facts.js'
import type { Root } from './root.js'
import { execTime, type Source } from './source.js'

const isOfKernel = (record: ProcessRecord): boolean => record.ppid === 2 && record.session === 0

/** The whole process table, for basic containment, the guardian and the sweep. */
export class TableSource implements Source {
  readonly #self: Self
  /** The processes that adopt orphans: process 1, and any that was seen to adopt one of ours. */
  readonly #reapers: Set<number>
  /** Processes that could not be attributed, and when that began. */
  #doubts = new Map<string, number>()

  constructor(self: Self, reapers: readonly number[] = []) {
    this.#self = self
    this.#reapers = new Set([1, ...reapers])
  }

  async read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>> {
    const records = new Map<number, ProcessRecord>()
    for (const [pid, record] of await table.snapshot()) if (!isOfKernel(record)) records.set(pid, record)
    this.#learnReapers(records, roots)
    const listed = new Set([...records.values()].map(keyOf))
    this.#doubts = new Map([...this.#doubts].filter(([key]) => listed.has(key)))
    return records
  }

  #learnReapers(records: ReadonlyMap<number, ProcessRecord>, roots: readonly Root[]): void {
    for (const { pid, startTime } of roots.flatMap(({ known }) => [...known.values()])) {
      const record = records.get(pid)
      const parent = record === undefined ? undefined : records.get(record.ppid)
      if (record === undefined || parent === undefined || !table.isSame(record, { pid, startTime })) continue
      if (parent.pid !== process.pid && attributeKnown(parent, roots) === undefined) this.#reapers.add(parent.pid)
    }
  }

  parentage({ ppid }: ProcessRecord): Parentage<never> {
    return { kind: this.#reapers.has(ppid) ? 'orphan' : 'strangers' }
  }

  facts<Of>(record: ProcessRecord, parentage: Parentage<Of>): Facts<Of> {
    return new ProcessFacts(record, parentage, this.#self)
  }

  spares(_record: ProcessRecord): boolean {
    return false
  }

  isDoubtful(record: ProcessRecord): boolean {
    const key = keyOf(record)
    const since = this.#doubts.get(key) ?? now()
    this.#doubts.set(key, since)
    return now() - since < execTime
  }
}
