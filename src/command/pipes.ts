import type { ChildProcess } from 'node:child_process'
import type { ProcessIdentity } from '../system/process-table/table.js'
import type { OutputStream } from './output.js'
import type { Transport, TransportListener } from './transport.js'

/** A program whose three standard streams are pipes. */
export class Pipes implements Transport {
  readonly identity: ProcessIdentity
  readonly streams: ReadonlySet<string>
  readonly inputStaysOpen = false
  readonly exit: Promise<void>
  readonly #child: ChildProcess

  constructor(child: ChildProcess, identity: ProcessIdentity, streams: readonly string[]) {
    this.#child = child
    this.identity = identity
    this.streams = new Set(streams)
    this.exit = new Promise((resolve) => child.once('exit', () => resolve()))
  }

  get isOutputClosed(): boolean {
    return [this.#child.stdout, this.#child.stderr].every((stream) => stream?.closed !== false)
  }

  isHeld(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  listen(listener: TransportListener): void {
    const child = this.#child
    const open = new Set<OutputStream>(['stdout', 'stderr'])
    const ended = (stream: OutputStream): void => {
      if (open.delete(stream) && open.size === 0) listener.outputEnded()
    }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.on('data', (bytes: Buffer) => listener.output(stream, bytes))
      child[stream]?.on('error', () => ended(stream))
      child[stream]?.on('close', () => ended(stream))
    }
    // EPIPE: write() says so to who writes; after the exit it is nobody's business.
    child.stdin?.on('error', () => {})
    child.once('exit', (code, signal) => listener.exited(code, signal))
  }

  write(text: string | Uint8Array, done: (error?: Error | null) => void): void {
    const stdin = this.#child.stdin!
    // Node reports a write that the program's exit has cut off as a success: only the stream tells.
    stdin.write(text, (error) => done(error ?? (stdin.destroyed ? new Error('cut off') : undefined)))
  }

  endInput(text?: string | Uint8Array, done?: (error?: Error | null) => void): void {
    if (text === undefined) this.#child.stdin!.end(done)
    else this.#child.stdin!.end(text, done)
  }

  release(): void {
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream?.destroy()
  }
}
