import type { Buffer } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import type { StreamNames } from '../containment/root.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import type { OutputStream } from './output.js'
import type { Transport, TransportListener } from './transport.js'

export type OnExit = (code: number | null, signal: NodeJS.Signals | null) => void

/** The standard input of a program. */
export interface StandardInput {
  /** The stream to write to. */
  stream(): Writable
  close(): void
}

/** The standard output or error of a program. */
export interface StandardOutput {
  /** Whether no process can write to it any more, or nobody reads it. */
  readonly isClosed: boolean
  /** Reports everything that is read, from this turn of the event loop on. It does not keep this process alive. */
  listen(output: (bytes: Buffer) => void, ended: () => void): void
  /** Reports the end of the file, before libuv waits for a program that has just exited. */
  onEnd(callback: () => void): void
  close(): void
}

/** A standard input made by Node. */
export const inputOf = (stream: Writable): StandardInput => ({
  stream: () => stream,
  close: () => void stream.destroy(),
})

/** A standard output made by Node. */
export const outputOf = (stream: Readable): StandardOutput => ({
  get isClosed() {
    return stream.closed
  },
  listen(output, ended) {
    ;(stream as { unref?: () => void }).unref?.()
    stream.on('data', output)
    stream.on('error', ended)
    stream.on('close', ended)
  },
  onEnd: (callback) => void stream.once('end', callback),
  close: () => void stream.destroy(),
})

/** A program that was started, natively or by Node. */
export interface StartedProgram {
  readonly identity: ProcessIdentity
  /** Its standard streams, as /proc/PID/fd names them. */
  readonly streams: StreamNames
  readonly stdin: StandardInput
  readonly stdout: StandardOutput
  readonly stderr: StandardOutput
  /** Whether nobody has waited for it yet. */
  isHeld(): boolean
  /** Reports its exit, once, through the event loop. */
  onExit(callback: OnExit): void
  /** Kills its parent alone, if it has its own. Resolves once the parent has gone. */
  readonly loseParent?: () => Promise<void>
}

/** A program whose three standard streams are pipes. */
export class Pipes implements Transport {
  readonly identity: ProcessIdentity
  readonly streams: StreamNames
  readonly inputStaysOpen = false
  readonly exit: Promise<void>
  readonly loseParent: (() => Promise<void>) | undefined
  readonly #program: StartedProgram
  readonly #onExits: OnExit[] = []
  #input: Writable | undefined

  constructor(program: StartedProgram) {
    this.#program = program
    this.identity = program.identity
    this.loseParent = program.loseParent
    this.streams = program.streams
    this.exit = new Promise((resolve) => this.#onExits.push(() => resolve()))
    program.onExit((code, signal) => {
      // Nobody will read what has not been written by now, even if a grandchild still holds the other end.
      program.stdin.close()
      for (const onExit of this.#onExits) onExit(code, signal)
    })
  }

  get isOutputClosed(): boolean {
    return this.#program.stdout.isClosed && this.#program.stderr.isClosed
  }

  isHeld(): boolean {
    return this.#program.isHeld()
  }

  listen(listener: TransportListener): void {
    const open = new Set<OutputStream>(['stdout', 'stderr'])
    for (const stream of ['stdout', 'stderr'] as const) {
      const ended = (): void => {
        if (open.delete(stream) && open.size === 0) listener.outputEnded()
      }
      this.#program[stream].listen((bytes) => listener.output(stream, bytes), ended)
    }
    this.#onExits.push((code, signal) => listener.exited(code, signal))
  }

  /** Made for the first write: most programs get no input. */
  #stdin(): Writable {
    if (this.#input !== undefined) return this.#input
    this.#input = this.#program.stdin.stream()
    // write() rejects with EPIPE. After the exit it does not matter.
    this.#input.on('error', () => {})
    return this.#input
  }

  write(text: string | Uint8Array, done: (error?: Error | null) => void): void {
    const stdin = this.#stdin()
    // Node reports a write that the program's exit cut off as a success. Only the stream knows that it was not.
    stdin.write(text, (error) => done(error ?? (stdin.destroyed ? new Error('cut off') : undefined)))
  }

  endInput(text?: string | Uint8Array, done?: (error?: Error | null) => void): void {
    if (text === undefined) this.#stdin().end(done)
    else this.#stdin().end(text, done)
  }

  release(): void {
    for (const stream of [this.#program.stdin, this.#program.stdout, this.#program.stderr]) stream.close()
  }
}
