import { newToken } from '../containment/owner.js'
import { now } from '../base/clock.js'
import type { Tree } from '../containment/tree.js'
import { TreeWatch, type WatchedProcess } from './tree-watch.js'
import type { CommandListener } from '../command/listener.js'
import type { Output } from '../command/output.js'
import type { Mask } from './secrets.js'
import type { TraceFile } from './trace-file.js'
import { type TracedTerminal, TracedProcess } from './traced-process.js'

// Writes down what happens to the commands of one test, while it happens: whatever the worker comes to, what had
// happened by then is in the file. `src/trace/page/model.js` reads it.

/** What ends a piece of output that is written as it is: no program knows it. */
const endOfPiece = `end of output ${newToken()}`
/** Processes and waits that are told of: a page must show them. */
const mostProcesses = 5000
const mostWaits = 2000

/** How a command is started. Values of variables do not come this far. */
export interface TracedCommand {
  readonly command: string
  readonly cwd: string
  readonly env: EnvironmentChanges
  /** What it draws, when it runs in a terminal. */
  readonly terminal?: TracedTerminal | undefined
}

/** The names of the variables in which an environment differs from the worker's own. */
export interface EnvironmentChanges {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

/** One process that a trace has shown, as teardown found it. */
export interface TracedFinding {
  readonly pid: number
  readonly place: string
  readonly outcome: string
}

const isOurs = (name: string): boolean =>
  name.startsWith('PROCTOR_') && /^PROCTOR_(?:MARK|OUTSIDE)_|^PROCTOR_(?:RUN|THREADS)$/.test(name)

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
export type TraceHeader = Readonly<Record<string, unknown>>

export class Trace {
  readonly #file: TraceFile
  readonly #mask: Mask
  readonly #begin = now()
  readonly #watch: TreeWatch
  readonly #numbers = new Map<Tree, number>()
  readonly #commands: TracedProcess[] = []
  /** The number of the process that had a pid last. */
  readonly #lastOf = new Map<number, number>()
  #waits = 0

  /** `mask` hides secrets in everything that is written. */
  constructor(file: TraceFile, header: TraceHeader, mask: Mask) {
    this.#file = file
    this.#mask = mask
    file.appendFirst({ k: 'trace', v: 1, ...header })
    this.#watch = new TreeWatch(
      {
        started: (process) => this.#start(process),
        becameAnother: ({ number, command }) =>
          this.append('exec', { p: number, command: mask.hideInCommand(command) }),
        moved: ({ number, group, session }) => this.append('move', { p: number, group, session }),
        orphaned: ({ number }, ppid) => this.append('parent', { p: number, ppid }),
        gone: ({ number }) => this.append('gone', { p: number }),
      },
      mostProcesses,
    )
  }

  append(kind: string, record: object): void {
    this.#file.append({ k: kind, t: this.#time(), ...record })
  }

  #appendRaw(kind: string, record: object, bytes: Buffer): void {
    this.#file.appendRaw({ k: kind, t: this.#time(), ...record }, bytes, endOfPiece)
  }

  /** ms since the begin, in hundredths. */
  #time(): number {
    return Math.round((now() - this.#begin) * 100) / 100
  }

  #start(process: WatchedProcess): void {
    const { number, tree, pid, ppid, group, session, command, parent, startedAt } = process
    this.#lastOf.set(pid, number)
    this.append('process', {
      c: this.#numbers.get(tree),
      p: number,
      pid,
      ppid,
      parent: parent?.number,
      start: Math.max(0, Math.round((startedAt - this.#begin) * 100) / 100),
      command: this.#mask.hideInCommand(command),
      group,
      session,
      ...(pid === tree.identity.pid ? { leader: true } : {}),
    })
  }

  /** A command is being started. Returns who is to be told what becomes of it. */
  command({ command, cwd, env, terminal }: TracedCommand): CommandListener & { watchOutput(output: Output): void } {
    const number = this.#commands.length + 1
    // What is started, or why it could not be, follows.
    this.#file.appendFirst({
      k: 'command',
      t: this.#time(),
      c: number,
      command: this.#mask.hideInCommand(command),
      cwd,
      env,
      terminal: terminal?.size,
    })
    const traced = new TracedProcess(number, command, terminal, {
      append: (kind, record) => this.append(kind, { c: number, ...record }),
      appendRaw: (kind, record, bytes) => this.#appendRaw(kind, { c: number, ...record }, bytes),
      mask: this.#mask,
      watch: this.#watch,
      begin: now(),
      isWaitTold: () => (this.#waits += 1) <= mostWaits,
      nextWait: () => this.#waits,
      register: (tree) => this.#numbers.set(tree, number),
    })
    this.#commands.push(traced)
    return traced
  }

  /** A signal for one process that outlived its command. */
  signal(tree: Tree, pid: number, signal: NodeJS.Signals): void {
    this.append('signal', { c: this.#numbers.get(tree), signal, by: 'teardown', to: pid })
  }

  /** The last line. `findings`: what outlived its command. */
  end(state: 'passed' | 'failed', findings: readonly TracedFinding[], more: object): void {
    for (const command of this.#commands) command.finish()
    this.append('end', {
      state,
      findings: findings.map((finding) => ({ p: this.#lastOf.get(finding.pid), ...finding })),
      ...(this.#watch.untold > 0 ? { untold: this.#watch.untold } : {}),
      ...more,
    })
    this.#watch.close()
    this.#file.keep()
  }

  remove(): void {
    for (const command of this.#commands) command.close()
    this.#watch.close()
    this.#file.remove()
  }
}
