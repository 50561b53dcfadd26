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

// What the page shows. `read.ts` makes it from the lines of a trace.

/** One process, as the sampling saw it. Times are in ms since the beginning. */
export interface Process {
  readonly id: number
  readonly pid: number
  /** The number of its command. */
  readonly c: number
  readonly parent: number
  readonly ppid: number
  readonly start: number
  /** Undefined if its end was not seen. */
  end: number | undefined
  /** The programs that it ran, one after the other. */
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

/** A port that a process listened on. */
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
  /** Undefined if the test ended first. */
  end: number | undefined
  error: string | undefined
  readonly site: Site | undefined
  /** The lane of the time line in which it is a bar. Undefined for an action that takes no time. */
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
  /** How many lanes of the time line the actions take. */
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

/** Whether somebody should look at this exit. */
export const isBad = (exit: ExitRecord | undefined): boolean =>
  exit !== undefined && (exit.signal !== null || exit.code !== 0)

/** Whether a process outlived its command without being allowed to. */
export const isLeak = ({ finding }: Process): boolean =>
  finding !== undefined && !finding.outcome.startsWith('allowed') && finding.place !== 'killed by the guardian'

export const commandOf = (model: TraceModel, number: number): Command | undefined =>
  model.commands.find((command) => command.number === number)

/** The last program that a process ran. */
export const lastCommand = ({ commands }: Process): string => commands.at(-1)?.command ?? ''

/** How a process ended, and whether it was meant to. */
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
