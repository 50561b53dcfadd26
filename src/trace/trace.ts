import { newToken } from '../containment/owner.js'
import { now } from '../base/clock.js'
import type { Tree } from '../containment/tree.js'
import { type PortListener, PortSampler } from './port-sampler.js'
import { TreeWatch, type WatchedProcess } from './tree-watch.js'
import type { CommandListener } from '../command/listener.js'
import type {
  ActionKind,
  EndRecord,
  EnvironmentChanges,
  Site,
  StartRecord,
  SummaryRecord,
  TraceFinding,
  TraceRecord,
  Untimed,
  UntimedOfCommand,
} from './format.js'
import { writeCasts } from './cast.js'
import type { Mask } from './secrets.js'
import type { TraceFile } from './trace-file.js'
import { Sources } from './source.js'
import { type EndOfAction, type Piece, type TracedTerminal, TracedProcess } from './traced-process.js'

// Records what happens to the commands of one test. The time of an event is taken at once; its line is made and written
// a moment later (`trace-file.ts`). If the worker dies, everything up to the last such moment is in the file. `format.ts`
// describes the lines, `page/model/read.ts` reads them.

/** The line that ends large output. No program knows it. */
const endOfPiece = `end of output ${newToken()}`
/** The most processes and actions in a trace, because a page must be able to show them. */
const mostProcesses = 5000
const mostActions = 2000
/** The most characters of the description of an action. */
const mostWords = 500

/** How a command is started. The values of its variables are not passed this far. */
export interface TracedCommand {
  readonly command: string
  readonly cwd: string
  readonly env: () => EnvironmentChanges
  /** What it draws, when it runs in a terminal. */
  readonly terminal?: TracedTerminal | undefined
  /** The call that starts it. */
  readonly site?: (() => Site | undefined) | undefined
}

/** What the test does. `c` is the command it is about. */
export interface TracedAction {
  readonly kind: ActionKind
  readonly what: string
  readonly site: () => Site | undefined
  readonly c?: number | undefined
}

/** Whether every command gets another value of this variable. */
const isOurs = (name: string): boolean =>
  name === 'PWD' || (name.startsWith('PROCTOR_') && /^PROCTOR_(?:MARK|OUTSIDE)_|^PROCTOR_(?:RUN|THREADS)$/.test(name))

export function environmentChanges(
  own: Readonly<NodeJS.ProcessEnv>,
  given: Readonly<NodeJS.ProcessEnv>,
): EnvironmentChanges {
  const changes = { added: [] as string[], changed: [] as string[], removed: [] as string[] }
  for (const name of Object.keys(given)) {
    if (own[name] !== given[name] && !isOurs(name)) changes[own[name] === undefined ? 'added' : 'changed'].push(name)
  }
  for (const name of Object.keys(own)) if (given[name] === undefined && !isOurs(name)) changes.removed.push(name)
  for (const names of Object.values(changes)) names.sort((a, b) => (a < b ? -1 : 1))
  return changes
}

/** What is known when a trace begins. */
export type TraceHeader = Omit<StartRecord, 'k' | 'v'>

/** What is known when a trace ends. */
export interface TraceEnding extends Pick<EndRecord, 'state' | 'errors' | 'files' | 'containment'> {
  /** The processes that outlived their command. */
  readonly findings: readonly TraceFinding[]
}

const nameOf = (error: unknown): string => (error as { name?: string } | null)?.name ?? 'an error'

export class Trace {
  readonly #file: TraceFile
  readonly #header: () => TraceHeader
  readonly #mask: Mask
  readonly #sources: Sources
  readonly #begin: number
  readonly #watch: TreeWatch
  readonly #ports: PortSampler
  readonly #numbers = new Map<Tree, number>()
  readonly #commands: TracedProcess[] = []
  /** The number of the process that had a pid last. */
  readonly #lastOf = new Map<number, number>()
  #actions = 0

  /** `mask` hides secrets in everything that is written. `begin`: the time of the page's left edge. */
  constructor(file: TraceFile, header: () => TraceHeader, mask: Mask, sources = new Sources('.'), begin = now()) {
    this.#file = file
    let made: TraceHeader | undefined
    this.#header = () => (made ??= header())
    this.#mask = mask
    this.#sources = sources
    this.#begin = begin
    file.later(() => this.#write({ k: 'trace', v: 2, ...this.#header() }))
    this.#watch = new TreeWatch(
      {
        started: (process) => this.#start(process),
        executed: ({ number, command }) =>
          this.append(() => ({ k: 'exec', p: number, command: mask.hideInCommand(command) })),
        changedGroup: ({ number, group, session }) => this.append(() => ({ k: 'move', p: number, group, session })),
        reparented: ({ number }, ppid) => this.append(() => ({ k: 'parent', p: number, ppid })),
        exited: ({ number }) => this.append(() => ({ k: 'gone', p: number })),
      },
      mostProcesses,
    )
    const tell = ({ process, port, address }: Parameters<PortListener['opened']>[0], isOpen: boolean): void =>
      this.append(() => ({ k: 'port', p: process.number, port, address, isOpen }))
    this.#ports = new PortSampler(() => this.#watch.living, {
      opened: (open) => tell(open, true),
      closed: (open) => tell(open, false),
    })
  }

  #write(record: TraceRecord): void {
    this.#file.append(record)
  }

  /** Something happens now. What is to be written of it is made later. */
  append(make: () => Untimed): void {
    const t = this.#time()
    this.#file.later(() => this.#write({ ...make(), t }))
  }

  #appendOf(c: number, make: () => UntimedOfCommand | Piece | undefined): void {
    const t = this.#time()
    this.#file.later(() => {
      const made = make()
      if (made === undefined) return
      if (!('raw' in made)) return this.#write({ ...made, c, t })
      const { raw, ...record } = made
      this.#file.appendRaw({ ...record, c, t }, raw, endOfPiece)
    })
  }

  /** ms since the beginning, rounded to hundredths. */
  #time(at = now()): number {
    return Math.max(0, Math.round((at - this.#begin) * 100) / 100)
  }

  #start(process: WatchedProcess): void {
    const { number, tree, pid, ppid, group, session, command, parent, startedAt } = process
    this.#lastOf.set(pid, number)
    const isLeader = pid === tree.identity.pid
    this.append(() => ({
      k: 'process',
      c: this.#numbers.get(tree)!,
      p: number,
      pid,
      ppid,
      parent: parent?.number,
      start: this.#time(startedAt),
      command: this.#mask.hideInCommand(command),
      group,
      session,
      ...(isLeader ? { leader: true } : {}),
    }))
  }

  /** Records the start of a command. Returns the listener for what happens to it. */
  command({
    command,
    cwd,
    env,
    terminal,
    site,
  }: TracedCommand): CommandListener & Pick<TracedProcess, 'watchOutput' | 'found'> {
    const number = this.#commands.length + 1
    const size = terminal?.size
    this.append(() => ({
      k: 'command',
      c: number,
      command: this.#mask.hideInCommand(command),
      cwd,
      env: env(),
      terminal: size,
      site: site?.(),
    }))
    const traced = new TracedProcess(command, terminal, {
      append: (make) => this.#appendOf(number, make),
      mask: this.#mask,
      watch: this.#watch,
      begin: now(),
      action: (kind, what) => this.action({ kind, what, c: number, site: this.#sources.callOfTest() }),
      lookForPorts: () => void this.#ports.look(),
      register: (tree) => this.#numbers.set(tree, number),
    })
    this.#commands.push(traced)
    return traced
  }

  /** Records that the test begins an action. `at` is the time on our clock. */
  action({ kind, what, site, c }: TracedAction, at = now()): EndOfAction {
    this.#actions += 1
    const a = this.#actions
    if (a > mostActions) return () => {}
    const t = this.#time(at)
    this.#file.later(() =>
      this.#write({ k: 'action', t, a, c, kind, what: this.#mask.hide(what).slice(0, mostWords), site: site() }),
    )
    return (error, end = now()) => {
      const failed = error === undefined ? {} : { error: nameOf(error) }
      this.#file.later(() => this.#write({ k: 'done', t: this.#time(end), a, ...failed }))
    }
  }

  /** Records a signal to one process that outlived its command. */
  signal(tree: Tree, pid: number, signal: NodeJS.Signals): void {
    this.append(() => ({ k: 'signal', c: this.#numbers.get(tree)!, signal, by: 'teardown', to: pid }))
  }

  /** Writes the last lines. */
  end({ state, errors, files, findings, containment }: TraceEnding): void {
    for (const command of this.#commands) command.finish()
    const t = this.#time()
    this.#file.later(() => {
      for (const source of this.#sources.read()) this.#write({ k: 'source', t, ...source })
    })
    const numbered = findings.map((finding) => ({ p: this.#lastOf.get(finding.pid), ...finding }))
    const { unreported } = this.#watch
    const untold = unreported > 0 ? { untold: unreported } : {}
    this.#file.later(() =>
      this.#write({ k: 'end', t, state, errors, findings: numbered, files, containment, ...untold }),
    )
    this.#file.later(() => this.#write(this.#summary(t, state, findings, errors)))
    this.#ports.close()
    this.#watch.close()
    this.#file.keep()
    const casts = this.#commands.flatMap(({ cast }) => cast ?? [])
    writeCasts(this.#file.path, this.#file.isKept ? casts : [])
  }

  #summary(
    t: number,
    state: SummaryRecord['state'],
    findings: readonly TraceFinding[],
    errors: EndRecord['errors'],
  ): SummaryRecord {
    const { name, file, project, retry, at } = this.#header()
    const leaks = findings.filter(({ outcome }) => !outcome.startsWith('allowed')).length
    const [first] = errors
    const headline = first?.message.split('\n')[0]!.replace(/\.? Output:$/, '')
    const error = first && `${first.name}: ${headline}`.slice(0, 300)
    return { k: 'summary', t, state, name, file, project, retry, at, commands: this.#commands.length, leaks, error }
  }

  remove(): void {
    for (const command of this.#commands) command.close()
    this.#ports.close()
    this.#watch.close()
    if (this.#file.remove()) writeCasts(this.#file.path, [])
  }
}
