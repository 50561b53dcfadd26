import type { Tree } from '../containment/tree.js'
import type { OutputStream } from './output.js'
import type { SentSignal, SignalTarget } from './signal-log.js'
import type { Usage } from './usage.js'

/** What a call of the test does: it waits, writes input, ends, signals, or expects. */
export type CallKind = 'wait' | 'input' | 'end' | 'signal' | 'expect'

/** Is told what happens to a command. */
export interface CommandListener {
  started(tree: Tree): void
  notStarted(error: Error): void
  output(stream: OutputStream, bytes: Buffer): void
  input(text: string | Uint8Array): void
  /** Called before the signal is sent. */
  signal(sent: SentSignal, to: SignalTarget): void
  exited(code: number | null, signal: NodeJS.Signals | null, usage?: Usage): void
  treeDead(): void
  /** Called when the test makes a call. Returns a function to call at the call's end, with the error if it failed. */
  calls(what: string, kind: CallKind): (error?: unknown) => void
}
