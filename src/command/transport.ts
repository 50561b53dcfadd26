import type { StreamNames } from '../containment/root.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import type { OutputStream } from './output.js'

/** Is told what happens to a running program. */
export interface TransportListener {
  output(stream: OutputStream, bytes: Buffer): void
  /** There will be no more output: no process can write any, or it cannot be read. */
  outputEnded(): void
  exited(code: number | null, signal: NodeJS.Signals | null): void
}

/** A started program: its streams and its identity. It hides whether the program has pipes or a terminal. */
export interface Transport {
  readonly identity: ProcessIdentity
  /** Its standard streams, as /proc/PID/fd names them, as far as they could be read. */
  readonly streams: StreamNames
  /**
   * Whether its input can still be written to after it was ended. In a terminal, the end of input is just a character.
   */
  readonly inputStaysOpen: boolean
  /** Whether no process can write to its output any more. */
  readonly isOutputClosed: boolean
  /** Whether nobody has waited for it yet. Until then its pid cannot be reused. */
  isHeld(): boolean
  /** Resolves at the program's exit, if the event loop reports exits at once. */
  readonly exit?: Promise<void>
  /** Reports everything from now on. Called once, in the same turn of the event loop as the start. */
  listen(listener: TransportListener): void
  /** `done` is called once the kernel has the text, or with the reason why it does not. */
  write(text: string | Uint8Array, done: (error?: Error | null) => void): void
  /** Ends the input, after `text` if given. */
  endInput(text?: string | Uint8Array, done?: (error?: Error | null) => void): void
  /** Kills its parent alone, if it has its own. Resolves once the parent has gone. */
  readonly loseParent?: (() => Promise<void>) | undefined
  /** Only in a terminal. */
  resize?(columns: number, rows: number): void
  /** Closes our ends of the streams: a process that lives on and holds the others must not keep this one alive. */
  release(): void
}
