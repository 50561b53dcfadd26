import { StringDecoder } from 'node:string_decoder'
import { after } from '../base/clock.js'
import type { Tree } from '../containment/tree.js'
import type { TreeWatch } from './tree-watch.js'
import type { CallKind, CommandListener } from '../command/listener.js'
import type { Output, OutputStream } from '../command/output.js'
import { Cast } from './cast.js'
import type { Mask } from './secrets.js'
import type { SentSignal, SignalTarget } from '../command/signal-log.js'
import type { ActionKind, UntimedOfCommand } from './format.js'
import type { Usage } from '../command/usage.js'
import { isRaw } from './trace-file.js'

/** How many bytes of each stream of a command's output go into a trace, and how many lines of its end always do. */
const mostOutput = 8 * 1024 * 1024
const lastLines = 100
/** The most pictures of one terminal, and the ms between two of them. */
const mostScreens = 100
const screenInterval = 100
/** From this size (bytes) on, output is written as it is, if that is possible. */
const muchOutput = 2048

/** A terminal that pictures are taken of. */
export interface TracedTerminal {
  readonly size: { readonly columns: number; readonly rows: number }
  toSVG(): string
}

/** Called when an action is over, with the error that it ended with. `at` is the time on our clock. */
export type EndOfAction = (error?: unknown, at?: number) => void

/** A piece of output that is written as it is. */
export interface Piece {
  readonly k: 'output'
  readonly s: OutputStream
  readonly raw: Buffer
}

/** What one command's listener needs of its trace. */
export interface TraceSide {
  /** Something happens now. What is to be written of it is made later. */
  append(make: () => UntimedOfCommand | Piece | undefined): void
  readonly mask: Mask
  readonly watch: TreeWatch
  readonly begin: number
  action(kind: ActionKind, what: string): EndOfAction
  lookForPorts(): void
  register(tree: Tree): void
}

/** Records what happens to one command. */
export class TracedProcess implements CommandListener {
  readonly #command: string
  readonly #trace: TraceSide
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
  readonly #written = { stdout: 0, stderr: 0 }
  /** Whether the last bytes may be the beginning of a character. */
  readonly #isCharacterOpen = { stdout: false, stderr: false }
  readonly #cut = { stdout: 0, stderr: 0 }
  #tree: Tree | undefined
  #output: Output | undefined

  readonly #terminal: TracedTerminal | undefined
  /** The session of its terminal. */
  readonly cast: Cast | undefined
  #lastScreen = ''
  #screens = 0
  #cancelScreen: (() => void) | undefined

  constructor(command: string, terminal: TracedTerminal | undefined, trace: TraceSide) {
    this.#terminal = terminal
    this.#command = command
    this.#trace = trace
    this.cast = terminal && new Cast(command, () => terminal.size, trace.mask)
  }

  /** Remembers the output, whose end is recorded if there is too much of it. */
  watchOutput(output: Output): void {
    this.#output = output
  }

  started(tree: Tree): void {
    this.#tree = tree
    this.#trace.register(tree)
    this.#trace.watch.add(tree, this.#command, this.#trace.begin)
  }

  /** Called when more of its tree is known. */
  found(): void {
    if (this.#tree !== undefined) this.#trace.watch.found(this.#tree)
  }

  /** Takes a picture of the terminal a moment after something was drawn. At once, most screens would be incomplete. */
  #drawLater(): void {
    if (this.#terminal === undefined || this.#screens >= mostScreens) return
    this.#cancelScreen ??= after(screenInterval, () => {
      this.#cancelScreen = undefined
      this.#draw()
    })
  }

  #draw(): void {
    const svg = this.#terminal?.toSVG() ?? ''
    if (svg === this.#lastScreen) return
    this.#lastScreen = svg
    this.#screens += 1
    this.#trace.append(() => ({ k: 'screen', svg: this.#trace.mask.hideInPicture(svg) }))
  }

  #outputRecord(stream: OutputStream, bytes: Buffer): UntimedOfCommand | Piece | undefined {
    const isMuch = bytes.length >= muchOutput && !this.#isCharacterOpen[stream]
    if (isMuch && isRaw(bytes) && !this.#trace.mask.isNeededFor(bytes)) return { k: 'output', s: stream, raw: bytes }
    this.#isCharacterOpen[stream] = bytes.at(-1)! >= 0x80
    const text = this.#decoders[stream].write(bytes)
    return text === '' ? undefined : { k: 'output', s: stream, text: this.#trace.mask.hide(text) }
  }

  output(stream: OutputStream, bytes: Buffer): void {
    this.#drawLater()
    this.cast?.output(bytes)
    this.#trace.watch.lookNow()
    if (this.#written[stream] > mostOutput) {
      this.#cut[stream] += bytes.length
      return
    }
    this.#written[stream] += bytes.length
    this.#trace.append(() => this.#outputRecord(stream, bytes))
  }

  input(text: string | Uint8Array): void {
    // The screen as it was when the keys were pressed.
    if (this.#screens < mostScreens) this.#draw()
    const shown = typeof text === 'string' ? text : Buffer.from(text).toString('utf8')
    this.cast?.input(shown)
    this.#trace.append(() => ({ k: 'input', text: this.#trace.mask.hide(shown.slice(0, 2000)) }))
  }

  signal({ signal, by }: SentSignal, to: SignalTarget): void {
    // Records the processes that the signal reaches, because a moment later they are gone.
    this.#trace.watch.look()
    this.#trace.append(() => ({ k: 'signal', signal, by, to }))
  }

  exited(code: number | null, signal: NodeJS.Signals | null, usage?: Usage): void {
    this.#trace.append(() => ({ k: 'exit', code, signal, usage }))
    if (this.#tree !== undefined) this.#trace.watch.leaderGone(this.#tree)
  }

  notStarted(error: Error): void {
    this.#trace.append(() => ({ k: 'failure', text: this.#trace.mask.hide(error.message.split('\n')[0]!) }))
  }

  treeDead(): void {
    if (this.#tree !== undefined) this.#trace.watch.remove(this.#tree)
  }

  calls(what: string, kind: CallKind): (error?: unknown) => void {
    const onEnd = this.#trace.action(kind, what)
    return (error) => {
      // The port may be closed as soon as the test goes on, so the next look may be too late.
      if (what.startsWith('waitForPort(') || what.startsWith('waitForHttp(')) this.#trace.lookForPorts()
      onEnd(error)
    }
  }

  /** Stops recording. */
  close(): void {
    this.#cancelScreen?.()
  }

  /** Records how much output did not fit, and its end. */
  finish(): void {
    this.close()
    this.#draw()
    for (const stream of ['stdout', 'stderr'] as const) {
      const bytes = this.#cut[stream]
      if (bytes > 0) this.#trace.append(() => ({ k: 'cut', s: stream, bytes }))
    }
    if (this.#cut.stdout + this.#cut.stderr === 0 || this.#output === undefined) return
    for (const { stream, text } of this.#output.lastLines(lastLines)) {
      this.#trace.append(() => ({ k: 'output', s: stream, text: this.#trace.mask.hide(`${text}\n`) }))
    }
  }
}
