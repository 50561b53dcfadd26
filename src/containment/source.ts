import type { ProcessRecord } from '../system/process-table/table.js'
import type { Facts, Parentage } from './attribute.js'
import type { Root } from './root.js'

/** ms after which a process has certainly finished an exec, even on a busy machine. */
export const execTime = 300

/**
 * The source of processes for basic containment and the guardian: the whole process table, or what a platform has
 * instead, such as a cgroup. Strict containment needs no source, because it reads the children of the subreaper.
 */
export interface Source {
  /** Processes by pid: everything that may belong to these roots, including zombies, and the parents through which they descend. */
  read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>>
  /** What the parent of a process tells about it, where that belongs to no root. */
  parentage(record: ProcessRecord): Parentage<never>
  /** The facts about one of the processes. */
  facts<Of>(record: ProcessRecord, parentage: Parentage<Of>): Facts<Of>
  /**
   * Whether a process that cannot be attributed now may be in a moment, for example because it is in the middle of an
   * exec.
   */
  isDoubtful(record: ProcessRecord): boolean
  /** Whether a process that is found beside what was read is to be left alone, although it carries a mark of a root. */
  spares(record: ProcessRecord): boolean
}
