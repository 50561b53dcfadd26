import type { ChildProcess } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { Socket, type SocketConstructorOpts } from 'node:net'
import type { Writable } from 'node:stream'
import { soon } from '../../base/clock.js'
import type { StreamNames } from '../../containment/root.js'
import type { Pipe } from '../../system/posix-spawn.js'
import { inputOf, outputOf, type StandardInput, type StandardOutput } from '../pipes.js'

// Node gives a program socket pairs. A socket pair holds some 300 short lines, a pipe holds 64 kilobytes: a program
// that writes more than that and calls process.exit() loses the rest. And with a socket, /dev/stdin, /dev/stdout and
// /dev/stderr cannot be opened.

/** The pipes of a program's three standard streams. Undefined where none could be made. */
export interface StandardPipes {
  /** The program's ends. */
  readonly theirs: readonly (number | undefined)[]
  readonly names: StreamNames
  readonly stdin: StandardInput | undefined
  readonly stdout: StandardOutput | undefined
  readonly stderr: StandardOutput | undefined
  /** Closes our copies of the program's ends, once the program has them. */
  handOver(): void
  /** Closes our own ends. */
  release(): void
}

/**
 * Makes a pipe for a standard stream. Returns undefined if none can be made. Throws if no file descriptors are left.
 */
export type OpenPipe = (stream: 0 | 1 | 2) => Pipe | undefined

/** All reads go into this buffer, and are copied out at once. A pipe holds no more than this. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)

/**
 * The names of pipes. They are read when somebody asks for them, or a moment after the start, while our ends are open:
 * hardly anybody asks, and `run()` stops the event loop.
 */
class PipeNames implements StreamNames {
  /** Our ends. */
  readonly #ends: number[] = []
  #names: ReadonlySet<string> | undefined

  add(end: number): void {
    this.#ends.push(end)
  }

  read(): ReadonlySet<string> {
    return (this.#names ??= new Set(this.#ends.flatMap(nameOf)))
  }

  has(name: string): boolean {
    return this.read().has(name)
  }

  [Symbol.iterator](): IterableIterator<string> {
    return this.read()[Symbol.iterator]()
  }
}

function nameOf(end: number): string[] {
  try {
    return [`pipe:[${fstatSync(end).ino}]`]
  } catch {
    return [] // Somebody has closed it.
  }
}

/**
 * The end of a pipe that we read from. The stream is made in the next phase of the event loop: nothing can be read before
 * that, and it would take a quarter of the time for which `run()` stops the event loop.
 */
class OutputEnd implements StandardOutput {
  readonly #pipe: Pipe
  #socket: Socket | undefined
  #hear: (bytes: Buffer) => void = () => {}
  #ended: () => void = () => {}
  #isClosed = false
  readonly #names: PipeNames

  constructor(pipe: Pipe, names: PipeNames) {
    this.#pipe = pipe
    this.#names = names
  }

  get isClosed(): boolean {
    return this.#socket?.closed ?? this.#isClosed
  }

  listen(output: (bytes: Buffer) => void, ended: () => void): void {
    this.#hear = output
    this.#ended = ended
    soon(() => this.#begin())
  }

  #begin(): void {
    const stream = this.#stream()
    if (stream === undefined) return
    this.#names.read()
    stream.resume()
  }

  onEnd(callback: () => void): void {
    this.#stream()?.once('end', callback)
  }

  close(): void {
    if (this.#isClosed) return
    if (this.#socket !== undefined) return void this.#socket.destroy()
    this.#pipe.close(this.#pipe.readEnd)
    this.#end()
  }

  #stream(): Socket | undefined {
    if (this.#isClosed) return undefined
    try {
      return (this.#socket ??= this.#makeStream())
    } catch {
      // Somebody has closed the descriptor, and its number may be another file's by now.
      this.#end()
      return undefined
    }
  }

  #makeStream(): Socket {
    const callback = (length: number): boolean => {
      this.#hear(Buffer.from(readBuffer.subarray(0, length)))
      return true
    }
    const onread = { buffer: readBuffer, callback }
    // The types know `onread` only for connections.
    const options = { fd: this.#pipe.readEnd, readable: true, writable: false, onread } as SocketConstructorOpts
    const socket = new Socket(options)
    const ended = (): void => this.#ended()
    socket.on('error', ended)
    socket.on('close', ended)
    // A running command does not keep the worker alive: every wait has a timer that does.
    return socket.unref()
  }

  /** Ends without a stream. */
  #end(): void {
    this.#isClosed = true
    soon(this.#ended)
  }
}

/** The end of a pipe that we write to. The stream is made for the first write: most programs get no input. */
class InputEnd implements StandardInput {
  readonly #pipe: Pipe
  #socket: Socket | undefined
  #isClosed = false
  readonly #names: PipeNames

  constructor(pipe: Pipe, names: PipeNames) {
    this.#pipe = pipe
    this.#names = names
  }

  stream(): Writable {
    if (this.#isClosed) return (this.#socket ??= new Socket().destroy())
    // A stream that is ended at once closes the end in this turn of the event loop.
    this.#names.read()
    return (this.#socket ??= new Socket({ fd: this.#pipe.writeEnd, readable: false, writable: true }))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#socket !== undefined) return void this.#socket.destroy()
    this.#names.read()
    this.#pipe.close(this.#pipe.writeEnd)
  }
}

/** The ends opened so far. If one pipe fails, they are all closed again. */
class Ends {
  readonly theirs: (number | undefined)[] = []
  readonly #handOver: (() => void)[] = []
  readonly names = new PipeNames()
  stdin: InputEnd | undefined
  stdout: OutputEnd | undefined
  stderr: OutputEnd | undefined

  add(stream: 0 | 1 | 2, pipe: Pipe | undefined): void {
    const theirs = pipe && (stream === 0 ? pipe.readEnd : pipe.writeEnd)
    this.theirs.push(theirs)
    if (pipe === undefined) return
    this.#handOver.push(() => pipe.close(theirs!))
    this.names.add(stream === 0 ? pipe.writeEnd : pipe.readEnd)
    if (stream === 0) this.stdin = new InputEnd(pipe, this.names)
    else this[stream === 1 ? 'stdout' : 'stderr'] = new OutputEnd(pipe, this.names)
  }

  handOver(): void {
    for (const close of this.#handOver) close()
  }

  release(): void {
    for (const end of [this.stdin, this.stdout, this.stderr]) end?.close()
  }
}

/**
 * Opens three pipes. What takes file descriptors is done before the program starts, so that no started program is
 * forgotten for want of them.
 *
 * @throws if no file descriptors are left.
 */
export function openStandardPipes(openPipe: OpenPipe): StandardPipes {
  const ends = new Ends()
  try {
    for (const stream of [0, 1, 2] as const) ends.add(stream, openPipe(stream))
  } catch (error) {
    ends.handOver()
    ends.release()
    throw error
  }
  return ends
}

/** Our ends. Where no pipe could be made, the end of what Node has made. */
export const endsOf = (
  { stdin, stdout, stderr }: StandardPipes,
  child: Pick<ChildProcess, 'stdin' | 'stdout' | 'stderr'>,
): { readonly stdin: StandardInput; readonly stdout: StandardOutput; readonly stderr: StandardOutput } => ({
  stdin: stdin ?? inputOf(child.stdin!),
  stdout: stdout ?? outputOf(child.stdout!),
  stderr: stderr ?? outputOf(child.stderr!),
})
