import type { ProcessRecord } from '../system/process-table/table.js'
import type { Facts, Parentage } from './attribute.js'
import type { Root } from './root.js'

/** ms in which one that becomes another program has become it, on a busy machine too. */
export const execTime = 300

/**
 * Where basic containment and the guardian read processes from: the whole process table, or what a platform has instead,
 * a cgroup say. Strict containment needs none: it reads the children of the subreaper that it is.
 */
export interface Source {
  /** Processes by number: everything that may be of these roots, zombies too, with what leads from one to the other. */
  read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>>
  /** Where a process stands whose parent is nobody's of ours. */
  parentage(record: ProcessRecord): Parentage<never>
  /** What can be read of one of them. */
  facts<Of>(record: ProcessRecord, parentage: Parentage<Of>): Facts<Of>
  /** Whether a process that cannot be attributed now may be in a moment, as in the middle of an exec. */
  isDoubtful(record: ProcessRecord): boolean
}
