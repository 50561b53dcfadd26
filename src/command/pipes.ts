import type { Buffer } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import type { ProcessIdentity } from '../system/process-table/table.js'
import type { OutputStream } from './output.js'
import type { Transport, TransportListener } from './transport.js'

export type OnExit = (code: number | null, signal: NodeJS.Signals | null) => void

/** A program that was started, whoever did it. */
export interface StartedProgram {
  readonly identity: ProcessIdentity
  /** What its standard streams are, as /proc/PID/fd shows it. */
  readonly streams: readonly string[]
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Whether nobody has waited for it yet. */
  isHeld(): boolean
  /** Tells of its exit, once, through the event loop. */
  onExit(callback: OnExit): void
  /** Ends its parent alone, where it has one of its own. Resolves once that has gone. */
  readonly loseParent?: () => Promise<void>
}

/** A program whose three standard streams are pipes. */
export class Pipes implements Transport {
  readonly identity: ProcessIdentity
  readonly streams: ReadonlySet<string>
  readonly inputStaysOpen = false
  readonly exit: Promise<void>
  readonly loseParent: (() => Promise<void>) | undefined
  readonly #program: StartedProgram
  readonly #onExits: OnExit[] = []

  constructor(program: StartedProgram) {
    this.#program = program
    this.identity = program.identity
    this.loseParent = program.loseParent
    this.streams = new Set(program.streams)
    // Nothing keeps the worker alive for a command: whoever waits for something has a timer that does.
    for (const stream of [program.stdout, program.stderr]) (stream as { unref?: () => void }).unref?.()
    this.exit = new Promise((resolve) => this.#onExits.push(() => resolve()))
    program.onExit((code, signal) => {
      // Nobody will read what has not been written by now, although a grandchild may still hold the other end.
      program.stdin.destroy()
      for (const onExit of this.#onExits) onExit(code, signal)
    })
  }

  get isOutputClosed(): boolean {
    return this.#program.stdout.closed && this.#program.stderr.closed
  }

  isHeld(): boolean {
    return this.#program.isHeld()
  }

  listen(listener: TransportListener): void {
    const open = new Set<OutputStream>(['stdout', 'stderr'])
    const ended = (stream: OutputStream): void => {
      if (open.delete(stream) && open.size === 0) listener.outputEnded()
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#program[stream].on('data', (bytes: Buffer) => listener.output(stream, bytes))
      this.#program[stream].on('error', () => ended(stream))
      this.#program[stream].on('close', () => ended(stream))
    }
    // EPIPE: write() rejects with it. After the exit it does not matter.
    this.#program.stdin.on('error', () => {})
    this.#onExits.push((code, signal) => listener.exited(code, signal))
  }

  write(text: string | Uint8Array, done: (error?: Error | null) => void): void {
    const { stdin } = this.#program
    // Node reports a write that was cut off by the program's exit as a success: only the stream knows better.
    stdin.write(text, (error) => done(error ?? (stdin.destroyed ? new Error('cut off') : undefined)))
  }

  endInput(text?: string | Uint8Array, done?: (error?: Error | null) => void): void {
    if (text === undefined) this.#program.stdin.end(done)
    else this.#program.stdin.end(text, done)
  }

  release(): void {
    for (const stream of [this.#program.stdin, this.#program.stdout, this.#program.stderr]) stream.destroy()
  }
}
