import type {
  ActionKind,
  EnvironmentChanges,
  EndRecord,
  ExitRecord,
  InputRecord,
  ScreenRecord,
  SignalRecord,
  Site,
  SourceRecord,
  StartRecord,
  TraceFileEntry,
  TraceFinding,
} from '../../format.js'

// What the page shows, put in order by `read.ts` from the lines of a trace.

/** One process: its life as the sampling saw it. Times are ms since the begin. */
export interface Process {
  readonly id: number
  readonly pid: number
  /** The number of its command. */
  readonly c: number
  readonly parent: number
  readonly ppid: number
  readonly start: number
  /** Undefined when it was not seen to end. */
  end: number | undefined
  /** The programs that it was, one after the other. */
  commands: readonly { readonly t: number; readonly command: string }[]
  group: number
  session: number
  leftAt: number | undefined
  orphanedAt: number | undefined
  readonly isLeader: boolean
  finding: Pick<TraceFinding, 'place' | 'outcome'> | undefined
  readonly ports: Port[]
  readonly children: Process[]
  depth: number
}

/** A port on which a process listened. */
export interface Port {
  readonly port: number
  readonly address: string
  readonly t: number
  closedAt: number | undefined
}

/** One `run()`. */
export interface Command {
  readonly number: number
  command: string
  cwd: string
  start: number
  env: EnvironmentChanges | undefined
  terminal: { readonly columns: number; readonly rows: number } | undefined
  site: Site | undefined
  readonly marks: SignalRecord[]
  /** Pairs: a time, and 1 for stderr. */
  readonly ticks: number[]
  readonly screens: ScreenRecord[]
  readonly inputs: InputRecord[]
  exit: ExitRecord | undefined
  leader: Process | undefined
}

/** Something that the test did. */
export interface Action {
  readonly kind: ActionKind
  readonly what: string
  /** The number of the command that it is about, or 0. */
  readonly c: number
  readonly start: number
  /** Undefined when the test ended first. */
  end: number | undefined
  error: string | undefined
  readonly site: Site | undefined
  /** The row of the time line in which it is a bar; undefined of what takes no time. */
  lane: number | undefined
}

/** A row of the output. */
export interface Line {
  readonly t: number
  readonly c: number
  readonly kind: 'stdout' | 'stderr' | 'input' | 'event' | 'fold'
  readonly tone: '' | 'signal' | 'good' | 'bad' | 'port'
  text: string
}

/** Everything that the page shows. */
export interface TraceModel {
  meta: Partial<StartRecord>
  state: 'passed' | 'failed' | 'interrupted' | 'open'
  end: EndRecord | undefined
  /** When the worker died. */
  died: number | undefined
  isInterrupted: boolean
  actions: Action[]
  /** How many rows the actions take on the time line. */
  lanes: number
  commands: readonly Command[]
  /** Parents before children. */
  processes: readonly Process[]
  rows: readonly Line[]
  outputLines: number
  files: readonly TraceFileEntry[]
  sources: SourceRecord[]
  /** ms */
  span: number
}

/** Whether an exit is one that somebody should look at. */
export const isBad = (exit: ExitRecord | undefined): boolean =>
  exit !== undefined && (exit.signal !== null || exit.code !== 0)

/** What outlived its command, and was not allowed to. */
export const isLeak = ({ finding }: Process): boolean =>
  finding !== undefined && !finding.outcome.startsWith('allowed') && finding.place !== 'killed by the guardian'

export const commandOf = (model: TraceModel, number: number): Command | undefined =>
  model.commands.find((command) => command.number === number)

/** The program that a process was last. */
export const lastCommand = ({ commands }: Process): string => commands.at(-1)?.command ?? ''

/** How a process ended, and whether it should have. */
export function fate(process: Process, model: TraceModel): { readonly text: string; readonly isBad: boolean } {
  const command = process.isLeader ? commandOf(model, process.c) : undefined
  const { finding } = process
  if (finding !== undefined) {
    const isAllowed = finding.outcome.startsWith('allowed')
    return { text: `${isLeak(process) ? 'leaked · ' : ''}${finding.outcome}`, isBad: !isAllowed }
  }
  const exit = command?.exit
  if (exit === undefined) {
    return { text: process.end === undefined ? 'alive at the end' : '', isBad: process.end === undefined }
  }
  if (exit.signal === null) return { text: `exit ${exit.code}`, isBad: isBad(exit) }
  return { text: exit.signal, isBad: !command!.marks.some(({ signal }) => signal === exit.signal) }
}
