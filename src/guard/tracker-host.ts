import type { ChildStart } from '../containment/child-starts.js'
import type { ContainmentLevel } from '../containment/containment.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import type { StartMarks } from './start-marks.js'

/** What the tracker of descendants asks and tells whoever watches a file. */
export interface DescendantTrackerHost {
  /** Returns the containment level in force from now on. Called once, when the first child is about to start. */
  contain(): { readonly level: ContainmentLevel; readonly isComplete: boolean }
  readonly marks: StartMarks
  /** Whether this package itself is starting the current child. */
  isOwn(): boolean
  /** Whether a process is known to belong to a fixture's command, or to this package itself. */
  isTaken(record: ProcessRecord): boolean
  /** Whether a process that carries the mark of the file is an orphan that a test has started. */
  isStray(record: ProcessRecord, environment: readonly string[] | undefined): boolean
  /** Waits for an adopted orphan that is a zombie. Returns whether it has. */
  takeExit(pid: number): boolean
  started(start: ChildStart): void
  exited(start: ChildStart): void
  announced(start: ChildStart): void
}
