import type { ProcessRecord } from '../system/process-table/table.js'
import type { Facts, Parentage } from './attribute.js'
import type { Root } from './root.js'

/**
 * Where processes are read from: the kernel's lists of children below a subreaper, or the whole process table. What a
 * platform has instead, job objects or coalitions, is another one of these.
 */
export interface Source {
  readonly name: 'children' | 'table'
  /** Processes by number: everything that may be of these roots, zombies too, with what leads from one to the other. */
  read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>>
  /** Where a process stands whose parent is nobody's of ours. */
  parentage(record: ProcessRecord): Parentage<never>
  /** What can be read of one of them. */
  facts<Of>(record: ProcessRecord, parentage: Parentage<Of>): Facts<Of>
  /** Whether a process that cannot be attributed now may be in a moment, as in the middle of an exec. */
  isDoubtful(record: ProcessRecord): boolean
}
