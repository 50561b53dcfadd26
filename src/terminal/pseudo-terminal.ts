import { holderOf } from '../system/process-table/holder.js'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { after, backoff, every, now, soon } from '../base/clock.js'
import { signalOf } from '../system/numbers.js'
import { table } from '../system/process-table/current.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import { drainTime } from '../command/drain.js'
import type { Transport, TransportListener } from '../command/transport.js'

/**
 * End of transmission. At the beginning of a line it ends the input. Anywhere else it makes the program get the line so
 * far.
 */
const endOfTransmission = '\x04'
/** The longest time (ms) between two writes to a program that does not read. */
const longestPause = 20
/** ms between two looks whether a program that still has its terminal open has exited. */
const lookInterval = 50
/** The most bytes that are read in one go once the program has exited. What it left behind may go on writing. */
const mostRest = 1024 * 1024
/** The longest time (ms) for which the rest of the output is read once the program has exited. */
const longestDrain = 1000

/** The part of node-pty's terminal that is used and that its types lack. */
export interface Pty {
  readonly pid: number
  readonly fd: number
  readonly ptsName: string
  readonly onData: (listener: (bytes: Buffer) => void) => unknown
  readonly onExit: (listener: (exit: { exitCode: number; signal?: number }) => void) => unknown
  on(event: string, listener: (...parameters: never[]) => void): void
  once(event: string, listener: (...parameters: never[]) => void): void
  write(bytes: Uint8Array): void
  resize(columns: number, rows: number): void
  kill(signal?: string): void
  destroy(): void
}

/** A program in a pseudo-terminal. It has one stream for its input, and one for all of its output. */
export class PseudoTerminal implements Transport {
  readonly identity: ProcessIdentity
  readonly streams = new Set<string>()
  readonly inputStaysOpen = true
  readonly #pty: Pty
  /** Our own descriptor of the program's end of the terminal. */
  #ownEnd: number | undefined
  #stopLooking: () => void = () => {}
  readonly #unwritten: { bytes: Uint8Array; readonly done: (error?: Error | null) => void }[] = []
  #stopPumping: () => void = () => {}
  #isInputClosed = false
  #listener: TransportListener | undefined
  #stopDraining: () => void = () => {}
  /** Counts how often there was something to read. */
  #reads = 0
  #isClosed = false
  #hasExited = false

  constructor(pty: Pty, identity: ProcessIdentity) {
    this.#pty = pty
    this.identity = identity
    // A process that has left its session, its folders and its environment may still have the terminal open.
    if (table.name === 'linux') this.streams.add(pty.ptsName)
    // A program may close its output before it exits, as `cat` does. If nobody else held its end, node-pty would close
    // ours, and the program would get SIGHUP in the middle of its exit.
    if (table.name === 'linux') this.#ownEnd = openOwnEnd(pty.ptsName)
    // node-pty would signal a pid that may belong to a stranger by then.
    pty.kill = () => {}
  }

  get isOutputClosed(): boolean {
    return this.#isClosed
  }

  /**
   * node-pty waits for the program in its own thread and reports the exit later. Only the process table knows whether
   * the pid is still the program's.
   */
  isHeld(): boolean {
    return !this.#hasExited && holderOf(this.identity) !== undefined
  }

  listen(listener: TransportListener): void {
    const pty = this.#pty
    this.#listener = listener
    pty.onData((bytes) => this.#read(bytes))
    // EIO means that nobody has the other end open any more. node-pty throws errors that nobody listens to.
    pty.on('error', () => {})
    pty.on('close', () => {
      this.#isClosed = true
      this.#stopDraining()
      // Once the last descriptor of this terminal is closed, the kernel gives its name to another one.
      if (this.streams.delete(pty.ptsName)) this.streams.add(`${pty.ptsName} (deleted)`)
      listener.outputEnded()
    })
    // After it has waited for the program, node-pty asks to be told when the terminal is closed. That call is the first
    // news of the exit. node-pty itself only reports the exit once the terminal is closed, or after a time measured by
    // a global timer, which fake timers stop.
    const once = pty.once.bind(pty)
    pty.once = (event, callback) => {
      once(event, callback)
      if (event === 'close') this.#leaderHasGone()
    }
    if (table.name === 'linux') {
      this.#stopLooking = every(lookInterval, () => {
        if (!this.isHeld()) this.#leaderHasGone()
      })
    }
    pty.onExit(({ exitCode, signal }) => {
      this.#stopLooking()
      this.#hasExited = true
      if (signal === undefined || signal === 0) listener.exited(exitCode, null)
      else listener.exited(null, signalOf(signal))
    })
  }

  /**
   * From here on, the terminal is closed when the last process left behind closes it, or when the time for that is
   * over.
   */
  #leaderHasGone(): void {
    this.#stopLooking()
    if (this.#ownEnd === undefined) return
    this.#closeOwnEnd()
    this.#readRest()
    this.#drain(now() + longestDrain)
  }

  /**
   * Reads the output that the kernel still has. libuv would lose some of it: when nobody holds the terminal any more,
   * libuv takes a read that does not fill its buffer for the last one, but a terminal returns four kilobytes at a time.
   */
  #readRest(): void {
    for (let total = 0; total < mostRest;) {
      const bytes = Buffer.allocUnsafe(64 * 1024)
      let count = 0
      try {
        count = readSync(this.#pty.fd, bytes)
      } catch {
        return // EIO: that was all. EAGAIN: somebody holds it still, and libuv goes on reading.
      }
      if (count === 0) return
      total += count
      this.#read(bytes.subarray(0, count))
    }
  }

  #read(bytes: Buffer): void {
    this.#reads += 1
    this.#listener?.output('stdout', bytes)
  }

  /**
   * Closes the terminal once nothing has come for a while. If it were closed at once, output that a busy test worker
   * has not read yet would be lost. Processes left behind may write on until the deadline, but no longer.
   */
  #drain(deadline: number): void {
    const count = this.#reads
    this.#stopDraining = after(drainTime, () => {
      // Timers run first. Only after them is output read that came while this thread was busy.
      soon(() => {
        if (this.#reads === count || now() > deadline) this.release()
        else this.#drain(deadline)
      })
    })
  }

  #closeOwnEnd(): void {
    this.#failInput(new Error('closed'))
    if (this.#ownEnd !== undefined) closeSync(this.#ownEnd)
    this.#ownEnd = undefined
  }

  /**
   * Does not use node-pty's stream: libuv can only write to a terminal by blocking the event loop until the program
   * reads, which may never happen.
   */
  write(text: string | Uint8Array, done: (error?: Error | null) => void): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text
    if (this.#isInputClosed) done(new Error('closed'))
    else if (this.#ownEnd === undefined) {
      this.#pty.write(bytes)
      done()
    } else {
      this.#unwritten.push({ bytes, done })
      if (this.#unwritten.length === 1) this.#pump(backoff(longestPause))
    }
  }

  /** Writes as much as the program has room for, and comes back for the rest. */
  #pump(pauses: Generator<number, never>): void {
    for (let next = this.#unwritten[0]; next !== undefined; next = this.#unwritten[0]) {
      // As long as we hold the program's end, nobody else closes this descriptor.
      const count = this.#writeSome(next.bytes)
      if (count instanceof Error) this.#failInput(count)
      else if (count === next.bytes.length) {
        this.#unwritten.shift()
        next.done()
      } else {
        next.bytes = next.bytes.subarray(count)
        this.#stopPumping = after(pauses.next().value, () => this.#pump(count > 0 ? backoff(longestPause) : pauses))
        return
      }
    }
  }

  #writeSome(bytes: Uint8Array): number | Error {
    try {
      return bytes.length === 0 ? 0 : writeSync(this.#pty.fd, bytes)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? 0 : (error as Error)
    }
  }

  #failInput(error: Error): void {
    this.#isInputClosed = true
    this.#stopPumping()
    for (const { done } of this.#unwritten.splice(0)) done(error)
  }

  endInput(text: string | Uint8Array = '', done: (error?: Error | null) => void = () => {}): void {
    const bytes = Buffer.from(text)
    const isInLine = bytes.length > 0 && bytes.at(-1) !== 10 && bytes.at(-1) !== 13
    this.write(Buffer.concat([bytes, Buffer.from(endOfTransmission.repeat(isInLine ? 2 : 1))]), done)
  }

  resize(columns: number, rows: number): void {
    if (!this.#isInputClosed) this.#pty.resize(columns, rows)
  }

  release(): void {
    this.#stopLooking()
    this.#closeOwnEnd()
    if (!this.#isClosed) this.#pty.destroy()
  }
}

/** Opens the program's end, without making it this process's controlling terminal. */
function openOwnEnd(name: string): number | undefined {
  try {
    return openSync(name, constants.O_RDWR | constants.O_NOCTTY)
  } catch {
    return undefined // Where /dev/pts is not mounted there is the race.
  }
}
