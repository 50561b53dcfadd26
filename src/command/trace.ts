import { StringDecoder } from 'node:string_decoder'
import { newToken } from '../system/marks.js'
import { after, now } from '../system/poll.js'
import type { Tree } from '../system/tree.js'
import { TreeWatch, type WatchedProcess } from '../system/tree-watch.js'
import type { CommandListener } from './listener.js'
import type { Output, OutputStream } from './output.js'
import type { Mask } from './secrets.js'
import type { SentSignal, SignalTarget } from './signal-log.js'
import { isRaw, type TraceFile } from './trace-file.js'

// Writes down what happens to the commands of one test, while it happens: whatever the worker comes to, what had
// happened by then is in the file. `src/trace-page/model.js` reads it.

/** Bytes of a command's output, of each stream, that go into a trace; and the lines of its end, which always do. */
const mostOutput = 8 * 1024 * 1024
const lastLines = 100
/** What ends such a piece: no program knows it. */
const endOfPiece = `end of output ${newToken()}`
/** Pictures of one terminal, and the ms between two of them. */
const mostScreens = 100
const screenInterval = 100
/** Bytes from which on a piece of output is written as it is, if it may be. */
const muchOutput = 2048
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

/** A terminal that pictures are taken of. */
export interface TracedTerminal {
  readonly size: { readonly columns: number; readonly rows: number }
  toSVG(): string
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
        becameAnother: ({ number, command }) => this.append('exec', { p: number, command: mask.hide(command) }),
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
      command: this.#mask.hide(command),
      group,
      session,
      ...(pid === tree.leader.pid ? { leader: true } : {}),
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
      command: this.#mask.hide(command),
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

/** What one command's listener needs of its trace. */
interface TraceSide {
  append(kind: string, record: object): void
  appendRaw(kind: string, record: object, bytes: Buffer): void
  readonly mask: Mask
  readonly watch: TreeWatch
  readonly begin: number
  isWaitTold(): boolean
  nextWait(): number
  register(tree: Tree): void
}

class TracedProcess implements CommandListener {
  readonly #number: number
  readonly #command: string
  readonly #trace: TraceSide
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  readonly #written = { stdout: 0, stderr: 0 }
  /** Whether the last bytes may be the first of a character. */
  readonly #isCharacterOpen = { stdout: false, stderr: false }
  readonly #cut = { stdout: 0, stderr: 0 }
  #tree: Tree | undefined
  #output: Output | undefined

  readonly #terminal: TracedTerminal | undefined
  #lastScreen = ''
  #screens = 0
  #cancelScreen: (() => void) | undefined

  constructor(number: number, command: string, terminal: TracedTerminal | undefined, trace: TraceSide) {
    this.#terminal = terminal
    this.#number = number
    this.#command = command
    this.#trace = trace
  }

  /** Where the end of the output is when there was too much of it. */
  watchOutput(output: Output): void {
    this.#output = output
  }

  started(tree: Tree): void {
    this.#tree = tree
    this.#trace.register(tree)
    this.#trace.watch.add(tree, this.#command, this.#trace.begin)
  }

  /** A picture of the terminal a moment after something was drawn: most of what is drawn is half of something. */
  #drawLater(): void {
    if (this.#terminal === undefined || this.#screens >= mostScreens) return
    this.#cancelScreen ??= after(screenInterval, () => {
      this.#cancelScreen = undefined
      this.#draw()
    })
  }

  #draw(): void {
    const svg = this.#terminal === undefined ? '' : this.#trace.mask.hide(this.#terminal.toSVG())
    if (svg === this.#lastScreen) return
    this.#lastScreen = svg
    this.#screens += 1
    this.#trace.append('screen', { svg })
  }

  output(stream: OutputStream, bytes: Buffer): void {
    this.#drawLater()
    this.#trace.watch.lookSoon()
    if (this.#written[stream] > mostOutput) {
      this.#cut[stream] += bytes.length
      return
    }
    this.#written[stream] += bytes.length
    const isMuch = bytes.length >= muchOutput && !this.#isCharacterOpen[stream]
    if (isMuch && isRaw(bytes) && !this.#trace.mask.isNeededFor(bytes)) {
      this.#trace.appendRaw('output', { s: stream }, bytes)
      return
    }
    this.#isCharacterOpen[stream] = bytes.at(-1)! >= 0x80
    const text = this.#decoders[stream].write(bytes)
    if (text !== '') this.#trace.append('output', { s: stream, text: this.#trace.mask.hide(text) })
  }

  input(text: string | Uint8Array): void {
    // What was on the screen when it was answered.
    if (this.#screens < mostScreens) this.#draw()
    const shown = typeof text === 'string' ? text : Buffer.from(text).toString('utf8')
    this.#trace.append('input', { text: this.#trace.mask.hide(shown.slice(0, 2000)) })
  }

  signal({ signal, by }: SentSignal, to: SignalTarget): void {
    // Whom it reaches is seen now: a moment later they are gone.
    this.#trace.watch.look()
    this.#trace.append('signal', { signal, by, to })
  }

  exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#trace.append('exit', { code, signal })
    if (this.#tree !== undefined) this.#trace.watch.leaderGone(this.#tree)
  }

  notStarted(error: Error): void {
    this.#trace.append('failure', { text: this.#trace.mask.hide(error.message.split('\n')[0]!) })
  }

  treeDead(): void {
    if (this.#tree !== undefined) this.#trace.watch.remove(this.#tree)
  }

  waits(what: string): (error?: unknown) => void {
    if (!this.#trace.isWaitTold()) return () => {}
    const wait = this.#trace.nextWait()
    this.#trace.append('wait', { w: wait, what: this.#trace.mask.hide(what) })
    return (error) => {
      const { name } = (error ?? {}) as { name?: string }
      this.#trace.append('waited', { w: wait, ...(error === undefined ? {} : { error: name ?? 'an error' }) })
    }
  }

  /** Nothing is told any more. */
  close(): void {
    this.#cancelScreen?.()
  }

  /** What did not fit is counted, and its end shown. */
  finish(): void {
    this.close()
    this.#draw()
    for (const stream of ['stdout', 'stderr'] as const) {
      const bytes = this.#cut[stream]
      if (bytes > 0) this.#trace.append('cut', { s: stream, bytes })
    }
    if (this.#cut.stdout + this.#cut.stderr === 0 || this.#output === undefined) return
    for (const { stream, text } of this.#output.lastLines(lastLines)) {
      this.#trace.append('output', { c: this.#number, s: stream, text: this.#trace.mask.hide(`${text}\n`) })
    }
  }
}
