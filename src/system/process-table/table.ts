/** A process and no other: a number is used again, a number with its start time is not. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot on Linux, seconds since 1970 in the portable table. */
  readonly startTime: number
}

/** One line of the process table. */
export interface ProcessRecord extends ProcessIdentity {
  readonly ppid: number
  readonly group: number
  /** 0 where the platform does not tell. */
  readonly session: number
  /** One letter, as in ps(1): R, S, D, T, Z … */
  readonly state: string
  /** Whether it has more threads than one, where the platform tells. */
  readonly isThreaded?: boolean
  /** Whether its main thread has exited and others have not: most often it is about to be dead. */
  readonly isExiting?: boolean
  /** Whether it has a controlling terminal. */
  readonly hasTerminal: boolean
}

/** What can be looked up about one process beyond its line in the table. */
export interface ProcessEvidence {
  /** Names and values, or `undefined` where it cannot be read (exiting, another user's). */
  environment(pid: number): readonly string[] | undefined
  cwd(pid: number): string | undefined
  /** The targets of its open files: paths, `socket:[1234]`, `pipe:[1234]`. */
  openFiles(pid: number): readonly string[]
}

export interface ProcessTable extends ProcessEvidence {
  readonly name: 'linux' | 'portable'
  /** Whether two readings are of one process. */
  isSame(a: ProcessIdentity, b: ProcessIdentity): boolean
  /** Whether the first started before the second, as surely as the table's times tell. */
  isOlder(a: Pick<ProcessIdentity, 'startTime'>, b: Pick<ProcessIdentity, 'startTime'>): boolean
  /** The process that has this pid now, read at once. `undefined` when there is none, or it cannot be read at once. */
  identify(pid: number): ProcessRecord | undefined
  /** The latest start time that is certainly not after any process started from now on. */
  startTimeNow(): number
  /** Every process of the machine. What `ProcessEvidence` then tells may be as old as this snapshot. */
  snapshot(): Promise<ReadonlyMap<number, ProcessRecord>>
  /** The processes of a group that are no zombies. */
  membersOf(group: number): Iterable<ProcessRecord>
  commandLine(pid: number): string
  /** Milliseconds since 1970 at which it started. */
  startedAt(identity: ProcessIdentity): number
  /** The user id that owns it. */
  owner(pid: number): number | undefined
  /** What it waits for in the kernel, for reports on state D. */
  waitChannel(pid: number): string | undefined
}

/** State Z (and X, in passing): it has exited, and only its parent's wait is missing. For us it is dead. */
export const isZombie = (record: { readonly state: string }): boolean =>
  record.state === 'Z' || record.state === 'X' || record.state === 'x'

/** Tells a process from all that have had its number. */
export const keyOf = ({ pid, startTime }: ProcessIdentity): string => `${pid} ${startTime}`
