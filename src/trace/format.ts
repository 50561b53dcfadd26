// The format of a trace, which its writer and its page share: one JSON object a line, told apart by `k`. Nothing here
// may need Node or a browser.

/** A place in the user's own files: a path below the project's root where it is there, else absolute. */
export interface Site {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** The names of the variables in which a command's environment differs from the worker's own. Values are not recorded. */
export interface EnvironmentChanges {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

/** An error of the test. `site`: the line that it leads to. */
export interface TraceError {
  readonly name: string
  readonly message: string
  readonly site?: Site | undefined
}

/** A file of the workspace at the end: small texts with what they hold. `kind` says what it is when it is no file. */
export interface TraceFileEntry {
  readonly path: string
  readonly size?: number
  readonly text?: string
  readonly kind?: string
}

/** A process that outlived its command. `p`: its number, when the trace has shown it. */
export interface TraceFinding {
  readonly p?: number | undefined
  readonly pid: number
  readonly place: string
  readonly outcome: string
}

/** What the test did: waits take time, `run` is told by the command's own record. */
export type ActionKind = 'wait' | 'input' | 'end' | 'signal' | 'file' | 'expect' | 'run'

/** The first line: which test, where, when. */
export interface StartRecord {
  readonly k: 'trace'
  readonly v: 2
  readonly name: readonly string[]
  readonly file?: string | undefined
  readonly project?: string | undefined
  readonly retry?: number | undefined
  /** ms since 1970. */
  readonly at: number
  /** Seconds since the machine's start: the guardian has no finer clock. */
  readonly uptime: number
  readonly worker?: number
  readonly node?: string
  readonly platform?: string
  readonly containment?: string | undefined
  readonly workspace: string
}

/** Every other line has its time: ms since the begin. */
interface Timed {
  readonly t: number
}
/** About the command with this number. */
interface OfCommand extends Timed {
  readonly c: number
}
/** About the process with this number. */
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
/** It became another program. */
export interface ExecRecord extends OfProcess {
  readonly k: 'exec'
  readonly command: string
}
/** It changed its group or session. */
export interface MoveRecord extends OfProcess {
  readonly k: 'move'
  readonly group: number
  readonly session: number
}
/** It lost its parent. */
export interface ParentRecord extends OfProcess {
  readonly k: 'parent'
  readonly ppid: number
}
export interface GoneRecord extends OfProcess {
  readonly k: 'gone'
}
/** It listens on a port, or does no more. */
export interface PortRecord extends OfProcess {
  readonly k: 'port'
  readonly port: number
  readonly address: string
  readonly isOpen: boolean
}
export interface OutputRecord extends OfCommand {
  readonly k: 'output'
  readonly s: 'stdout' | 'stderr'
  /** Or, for much output, the text stands as it came behind this line, up to a line that holds `end`. */
  readonly text?: string
  readonly end?: string
}
/** What was too much for a trace. */
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
  /** A number is the pid of one process. */
  readonly to: 'leader' | 'group' | 'tree' | number
}
/** It could not be started. */
export interface FailureRecord extends OfCommand {
  readonly k: 'failure'
  readonly text: string
}
export interface ExitRecord extends OfCommand {
  readonly k: 'exit'
  readonly code: number | null
  readonly signal: string | null
  /** Bytes, and ms of processor time, where somebody has looked. */
  readonly usage?: { readonly peakMemory: number; readonly cpuMs: number } | undefined
}
/** A terminal's screen after it has changed. */
export interface ScreenRecord extends OfCommand {
  readonly k: 'screen'
  readonly svg: string
}
/** The test begins something. `c`: which command it is about. */
export interface ActionRecord extends Timed {
  readonly k: 'action'
  readonly a: number
  readonly c?: number | undefined
  readonly kind: ActionKind
  readonly what: string
  readonly site?: Site | undefined
}
/** The end of an action. `error`: the name of the error that it ended with. */
export interface DoneRecord extends Timed {
  readonly k: 'done'
  readonly a: number
  readonly error?: string | undefined
}
/** Lines of a source file around a call, from line `from` on. */
export interface SourceRecord extends Timed {
  readonly k: 'source'
  readonly file: string
  readonly from: number
  readonly lines: readonly string[]
}
/** The test's end. */
export interface EndRecord extends Timed {
  readonly k: 'end'
  readonly state: 'passed' | 'failed'
  readonly errors: readonly TraceError[]
  readonly findings: readonly TraceFinding[]
  readonly files: readonly TraceFileEntry[]
  /** Where the begin did not know it. */
  readonly containment?: string | undefined
  /** Processes beyond those that a trace tells of. */
  readonly untold?: number
}
/** The last line, once more what an index shows: it is read from the end of the file. */
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
 * The lines that are written when the worker has died. They are no JSON: whoever writes them may be a shell.
 * `died` and the seconds since the machine's start; `killed` and a pid, or a group with a minus; `spared` and a pid;
 * `file`, its bytes and its path. `to` and a path is the first line of a draft: where it belongs.
 */
export type GuardianWord = 'to' | 'died' | 'killed' | 'spared' | 'file'

/** What stands between the page and the data. */
export const dataBegin = '<script type="application/x-ndjson" id="trace">'
