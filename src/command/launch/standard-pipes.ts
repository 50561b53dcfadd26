import type { ChildProcess } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { Socket, type SocketConstructorOpts } from 'node:net'
import type { Writable } from 'node:stream'
import type { Pipe } from '../../system/posix-spawn.js'
import { inputOf, outputOf, type StandardInput, type StandardOutput } from '../pipes.js'

// Node gives a program socket pairs. A socket pair holds some 300 short lines, a pipe holds 64 kilobytes: a program
// that writes more than that and calls process.exit() loses the rest. And with a socket, /dev/stdin, /dev/stdout and
// /dev/stderr cannot be opened.

/** The pipes of a program's three standard streams. Undefined where none could be made. */
export interface StandardPipes {
  /** The program's ends. */
  readonly theirs: readonly (number | undefined)[]
  /** Their names in /proc/PID/fd. */
  readonly names: readonly string[]
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

/** The end of a pipe that we read from. */
class OutputEnd implements StandardOutput {
  readonly #socket: Socket
  #hear: (bytes: Buffer) => void = () => {}

  constructor(descriptor: number) {
    const callback = (length: number): boolean => {
      this.#hear(Buffer.from(readBuffer.subarray(0, length)))
      return true
    }
    const onread = { buffer: readBuffer, callback }
    // The types know `onread` only for connections.
    this.#socket = new Socket({ fd: descriptor, readable: true, writable: false, onread } as SocketConstructorOpts)
  }

  get isClosed(): boolean {
    return this.#socket.closed
  }

  listen(output: (bytes: Buffer) => void, ended: () => void): void {
    this.#hear = output
    this.#socket.on('error', ended)
    this.#socket.on('close', ended)
    this.#socket.resume()
  }

  onEnd(callback: () => void): void {
    this.#socket.once('end', callback)
  }

  unref(): void {
    this.#socket.unref()
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** The end of a pipe that we write to. The stream is made for the first write: most programs get no input. */
class InputEnd implements StandardInput {
  readonly #pipe: Pipe
  #socket: Socket | undefined
  #isClosed = false

  constructor(pipe: Pipe) {
    this.#pipe = pipe
  }

  stream(): Writable {
    if (this.#isClosed) return (this.#socket ??= new Socket().destroy())
    return (this.#socket ??= new Socket({ fd: this.#pipe.writeEnd, readable: false, writable: true }))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#socket === undefined) this.#pipe.close(this.#pipe.writeEnd)
    else this.#socket.destroy()
  }
}

/** The ends opened so far. If one pipe fails, they are all closed again. */
class Ends {
  readonly theirs: (number | undefined)[] = []
  readonly #handOver: (() => void)[] = []
  readonly names: string[] = []
  stdin: InputEnd | undefined
  stdout: OutputEnd | undefined
  stderr: OutputEnd | undefined

  add(stream: 0 | 1 | 2, pipe: Pipe | undefined): void {
    const theirs = pipe && (stream === 0 ? pipe.readEnd : pipe.writeEnd)
    this.theirs.push(theirs)
    if (pipe === undefined) return
    this.#handOver.push(() => pipe.close(theirs!))
    this.names.push(`pipe:[${fstatSync(pipe.readEnd).ino}]`)
    if (stream === 0) this.stdin = new InputEnd(pipe)
    else this[stream === 1 ? 'stdout' : 'stderr'] = openOutput(pipe)
  }

  handOver(): void {
    for (const close of this.#handOver) close()
  }

  release(): void {
    for (const end of [this.stdin, this.stdout, this.stderr]) end?.close()
  }
}

function openOutput(pipe: Pipe): OutputEnd {
  try {
    return new OutputEnd(pipe.readEnd)
  } catch (error) {
    pipe.close(pipe.readEnd)
    throw error
  }
}

/**
 * Opens three pipes and the streams on our side. Everything that can fail is done before the program starts, so that no
 * started program is forgotten.
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
