import type { ProcessIdentity } from '../system/process-table/table.js'
import type { OutputStream } from './output.js'

/** What happens to a running program. */
export interface TransportListener {
  output(stream: OutputStream, bytes: Buffer): void
  /** There will be no more output: nobody can write it, or it cannot be read. */
  outputEnded(): void
  exited(code: number | null, signal: NodeJS.Signals | null): void
}

/** A started program: its streams and its identity. Its users need not know whether it has pipes or a terminal. */
export interface Transport {
  readonly identity: ProcessIdentity
  /** What its standard streams are, as /proc/PID/fd shows it, as far as it could be read. */
  readonly streams: ReadonlySet<string>
  /** Whether its input, once ended, can be written to again: a terminal's end of input is a character like others. */
  readonly inputStaysOpen: boolean
  /** Whether nobody can write to its output any more. */
  readonly isOutputClosed: boolean
  /** Whether nobody has waited for it yet: until then its number is its own. */
  isHeld(): boolean
  /** Resolves with the news of the program's exit, where it comes through the event loop at once. */
  readonly exit?: Promise<void>
  /** Tells, from now on. Called once, in the turn of the event loop in which the program was started. */
  listen(listener: TransportListener): void
  /** `done` is called once the kernel has it, or with why it does not. */
  write(text: string | Uint8Array, done: (error?: Error | null) => void): void
  /** Ends the input, after `text` where there is one. */
  endInput(text?: string | Uint8Array, done?: (error?: Error | null) => void): void
  /** Ends its parent alone, where it has one of its own. Resolves once that has gone. */
  readonly loseParent?: (() => Promise<void>) | undefined
  /** Of a terminal. */
  resize?(columns: number, rows: number): void
  /** Lets go of the streams: a process that may live on, and holds them, must not keep this one alive. */
  release(): void
}
