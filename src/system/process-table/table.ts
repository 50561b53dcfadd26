/** Identifies one process. A pid is reused, but a pid together with its start time is not. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot on Linux, seconds since 1970 in the portable table. */
  readonly startTime: number
}

/** One row of the process table. */
export interface ProcessRecord extends ProcessIdentity {
  readonly ppid: number
  readonly group: number
  /** 0 if the platform does not tell. */
  readonly session: number
  /** One letter, as in ps(1): R, S, D, T, Z … */
  readonly state: string
  /** Whether it has more than one thread, if the platform tells. */
  readonly isThreaded?: boolean
  /** Whether its main thread is exiting, or has exited and others have not. Most such processes are about to be dead. */
  readonly isExiting?: boolean
  /** Whether it has a controlling terminal. */
  readonly hasTerminal: boolean
}

/** What can be found out about a process beyond its row of the table. */
export interface ProcessEvidence {
  /** `NAME=value` entries. Undefined if they cannot be read (it is exiting, or another user's). */
  environment(pid: number): readonly string[] | undefined
  cwd(pid: number): string | undefined
  /** The targets of its open files: paths, `socket:[1234]`, `pipe:[1234]`. */
  openFiles(pid: number): readonly string[]
}

export interface ProcessTable extends ProcessEvidence {
  readonly name: 'linux' | 'portable'
  /** Whether two identities are of the same process. */
  isSame(a: ProcessIdentity, b: ProcessIdentity): boolean
  /** Whether the first process certainly started before the second, as far as the table's times can tell. */
  isOlder(a: Pick<ProcessIdentity, 'startTime'>, b: Pick<ProcessIdentity, 'startTime'>): boolean
  /** The process that has this pid now, read at once. Undefined if there is none, or it cannot be read at once. */
  identify(pid: number): ProcessRecord | undefined
  /** The latest start time that is certainly not after any process started from now on. */
  startTimeNow(): number
  /** All processes of the machine. After this, `ProcessEvidence` may be as old as this snapshot. */
  snapshot(): Promise<ReadonlyMap<number, ProcessRecord>>
  /** The processes of a group that are not zombies. */
  membersOf(group: number): Iterable<ProcessRecord>
  commandLine(pid: number): string
  /** When it started, in ms since 1970. */
  startedAt(identity: ProcessIdentity): number
  /** The user id that owns it. */
  owner(pid: number): number | undefined
  /** The kernel function that it waits in, for reports on state D. */
  waitChannel(pid: number): string | undefined
}

/** Whether a process has exited and only its parent's wait is missing (state Z, or briefly X). For us it is dead. */
export const isZombie = (record: { readonly state: string }): boolean =>
  record.state === 'Z' || record.state === 'X' || record.state === 'x'

/** A text that differs for all processes, even those that had the same pid. */
export const keyOf = ({ pid, startTime }: ProcessIdentity): string => `${pid} ${startTime}`
