// The format of a trace, shared by its writer and its page: one JSON object on each line, distinguished by `k`. Nothing
// in this file may need Node or a browser.

/**
 * A place in the user's own files. The path is relative to the project's root if the file is below it, otherwise
 * absolute.
 */
export interface Site {
  readonly file: string
  readonly line: number
  readonly column: number
}

/**
 * The names of the variables in which a command's environment differs from the worker's own. Values are not recorded.
 */
export interface EnvironmentChanges {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

/** An error of the test. `site` is the line that it leads to. */
export interface TraceError {
  readonly name: string
  readonly message: string
  readonly site?: Site | undefined
}

/**
 * A file of the workspace at the end. Small text files come with their contents. `kind` says what it is if it is not a
 * regular file.
 */
export interface TraceFileEntry {
  readonly path: string
  readonly size?: number
  readonly text?: string
  readonly kind?: string
}

/** A process that outlived its command. `p` is its number, if the trace has shown it. */
export interface TraceFinding {
  readonly p?: number | undefined
  readonly pid: number
  readonly place: string
  readonly outcome: string
}

/** What the test did. Waits take time; a `run` is shown by the command's own record. */
export type ActionKind = 'wait' | 'input' | 'end' | 'signal' | 'file' | 'expect' | 'run'

/** The first line: which test, where, and when. */
export interface StartRecord {
  readonly k: 'trace'
  readonly v: 2
  readonly name: readonly string[]
  readonly file?: string | undefined
  readonly project?: string | undefined
  readonly retry?: number | undefined
  /** ms since 1970. */
  readonly at: number
  /** Seconds since the machine's start, because the guardian has no finer clock. */
  readonly uptime: number
  readonly worker?: number
  readonly node?: string
  readonly platform?: string
  readonly containment?: string | undefined
  readonly workspace: string
}

/** Every other line has a time: ms since the beginning of the trace. */
interface Timed {
  readonly t: number
}
/** A line about the command with this number. */
interface OfCommand extends Timed {
  readonly c: number
}
/** A line about the process with this number. */
interface OfProcess extends Timed {
  readonly p: number
}

export interface CommandRecord extends OfCommand {
  readonly k: 'command'
  readonly command: string
  readonly cwd: string
  readonly env: EnvironmentChanges
  readonly terminal?: { readonly columns: number; readonly rows: number } | undefined
  readonly site?: Site | undefined
}
export interface ProcessRecord extends OfCommand, OfProcess {
  readonly k: 'process'
  readonly pid: number
  readonly ppid: number
  readonly parent?: number | undefined
  readonly start?: number
  readonly command: string
  readonly group: number
  readonly session: number
  readonly leader?: boolean
}
/** The process has called exec: it runs another program now. */
export interface ExecRecord extends OfProcess {
  readonly k: 'exec'
  readonly command: string
}
/** The process has changed its group or session. */
export interface MoveRecord extends OfProcess {
  readonly k: 'move'
  readonly group: number
  readonly session: number
}
/** The process has got another parent. */
export interface ParentRecord extends OfProcess {
  readonly k: 'parent'
  readonly ppid: number
}
export interface GoneRecord extends OfProcess {
  readonly k: 'gone'
}
/** The process has begun or stopped to listen on a port. */
export interface PortRecord extends OfProcess {
  readonly k: 'port'
  readonly port: number
  readonly address: string
  readonly isOpen: boolean
}
export interface OutputRecord extends OfCommand {
  readonly k: 'output'
  readonly s: 'stdout' | 'stderr'
  /**
   * Large output is not here, but on the lines after this record, as it was written, up to a line that consists of
   * `end`.
   */
  readonly text?: string
  readonly end?: string
}
/** Output that was too much for a trace. */
export interface CutRecord extends OfCommand {
  readonly k: 'cut'
  readonly s: 'stdout' | 'stderr'
  readonly bytes: number
}
export interface InputRecord extends OfCommand {
  readonly k: 'input'
  readonly text: string
}
export interface SignalRecord extends OfCommand {
  readonly k: 'signal'
  readonly signal: string
  readonly by: 'test' | 'timeout' | 'teardown'
  /** A number is the pid of a single process. */
  readonly to: 'leader' | 'group' | 'tree' | number
}
/** The command could not be started. */
export interface FailureRecord extends OfCommand {
  readonly k: 'failure'
  readonly text: string
}
export interface ExitRecord extends OfCommand {
  readonly k: 'exit'
  readonly code: number | null
  readonly signal: string | null
  /** Bytes, and ms of processor time. Missing if not measured. */
  readonly usage?: { readonly peakMemory: number; readonly cpuMs: number } | undefined
}
/** The screen of a terminal after a change. */
export interface ScreenRecord extends OfCommand {
  readonly k: 'screen'
  readonly svg: string
}
/** The test begins an action. `c` is the command it is about. */
export interface ActionRecord extends Timed {
  readonly k: 'action'
  readonly a: number
  readonly c?: number | undefined
  readonly kind: ActionKind
  readonly what: string
  readonly site?: Site | undefined
}
/** The end of an action. `error` is the name of the error that it ended with. */
export interface DoneRecord extends Timed {
  readonly k: 'done'
  readonly a: number
  readonly error?: string | undefined
}
/** The lines of a source file around a call, beginning with line `from`. */
export interface SourceRecord extends Timed {
  readonly k: 'source'
  readonly file: string
  readonly from: number
  readonly lines: readonly string[]
}
/** The end of the test. */
export interface EndRecord extends Timed {
  readonly k: 'end'
  readonly state: 'passed' | 'failed'
  readonly errors: readonly TraceError[]
  readonly findings: readonly TraceFinding[]
  readonly files: readonly TraceFileEntry[]
  /** Set if the first line did not know it yet. */
  readonly containment?: string | undefined
  /** The number of processes that the trace does not show because there were too many. */
  readonly untold?: number
}
/** The last line. It repeats what an index shows, because the index only reads the end of the file. */
export interface SummaryRecord extends Timed {
  readonly k: 'summary'
  readonly state: 'passed' | 'failed'
  readonly name: readonly string[]
  readonly file?: string | undefined
  readonly project?: string | undefined
  readonly retry?: number | undefined
  readonly at: number
  readonly commands: number
  readonly leaks: number
  readonly error?: string | undefined
}

export type TimedRecord =
  | CommandRecord
  | ProcessRecord
  | ExecRecord
  | MoveRecord
  | ParentRecord
  | GoneRecord
  | PortRecord
  | OutputRecord
  | CutRecord
  | InputRecord
  | SignalRecord
  | FailureRecord
  | ExitRecord
  | ScreenRecord
  | ActionRecord
  | DoneRecord
  | SourceRecord
  | EndRecord
  | SummaryRecord

/** A line of a trace. */
export type TraceRecord = StartRecord | TimedRecord

type Without<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never

/** A record before its time is added. */
export type Untimed = Without<TimedRecord, 't'>
/** A record about a command before its time and the command's number are added. */
export type UntimedOfCommand = Without<Exclude<Extract<TimedRecord, { c: number }>, ProcessRecord>, 't' | 'c'>

/**
 * The lines that are written after the worker's death. They are not JSON, because a shell may write them. `died` and
 * the seconds since the machine's start; `killed` and a pid, or a group with a minus; `spared` and a pid; `file`, its
 * size in bytes and its path. `to` and a path is the first line of a draft: the place of the finished trace.
 */
export type GuardianWord = 'to' | 'died' | 'killed' | 'spared' | 'file'

/** The text between the page and the data. */
export const dataBegin = '<script type="application/x-ndjson" id="trace">'
