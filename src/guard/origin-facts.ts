import { table } from '../system/process-table/current.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import type { OriginFacts } from './origin.js'
import type { MarkedAs } from './start-marks.js'
import type { DescendantTrackerHost } from './tracker-host.js'

/** The facts about a process. Each is read when it is first asked for, which never happens for what is known already. */
export class ReadFacts implements OriginFacts {
  readonly child: OriginFacts['child']
  readonly #record: ProcessRecord
  readonly #host: DescendantTrackerHost
  #environment: { readonly value: readonly string[] | undefined } | undefined
  #mark: { readonly value: MarkedAs | undefined } | undefined
  #isTaken: boolean | undefined

  constructor(record: ProcessRecord, child: OriginFacts['child'], host: DescendantTrackerHost) {
    this.child = child
    this.#record = record
    this.#host = host
  }

  /** Empty in the middle of an exec, and if it was cleared. Undefined if it cannot be read. */
  get environment(): readonly string[] | undefined {
    this.#environment ??= { value: table.environment(this.#record.pid) }
    return this.#environment.value
  }

  get mark(): MarkedAs | undefined {
    this.#mark ??= { value: this.#host.marks.read(this.#record.pid, this.environment) }
    return this.#mark.value
  }

  get isTaken(): boolean {
    return (this.#isTaken ??= this.#host.isTaken(this.#record) || this.mark?.kind === 'command')
  }

  get isStray(): boolean {
    return this.#host.isStray(this.#record, this.environment)
  }
}
