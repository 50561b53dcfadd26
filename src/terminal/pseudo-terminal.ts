import { holderOf } from '../system/process-table/holder.js'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { after, backoff, every, now, soon } from '../base/clock.js'
import { signalOf } from '../system/numbers.js'
import { table } from '../system/process-table/current.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import { drainTime } from '../command/drain.js'
import type { Transport, TransportListener } from '../command/transport.js'

/** End of transmission: at the beginning of a line it ends the input, anywhere else it hands over what is there. */
const endOfTransmission = '\x04'
/** ms between two writes to a program that does not read, at most. */
const longestPause = 20
/** ms between two looks whether a program that has not closed its terminal has exited. */
const lookInterval = 50
/** Bytes that are read at once when the program has exited, at most: who is left behind may go on writing. */
const mostRest = 1024 * 1024
/** ms for which the rest of the output is read once the program has exited, at most. */
const longestDrain = 1000

/** What is used of node-pty's terminal, its types apart. */
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

/** A program in a pseudo-terminal: one stream for what it reads, and one for what it writes anywhere. */
export class PseudoTerminal implements Transport {
  readonly identity: ProcessIdentity
  readonly streams = new Set<string>()
  readonly inputStaysOpen = true
  readonly #pty: Pty
  /** The program's end of the terminal, held by us too. */
  #ownEnd: number | undefined
  #stopLooking: () => void = () => {}
  readonly #unwritten: { bytes: Uint8Array; readonly done: (error?: Error | null) => void }[] = []
  #stopPumping: () => void = () => {}
  #isInputClosed = false
  #listener: TransportListener | undefined
  /** How often there was something to read. */
  #reads = 0
  #isClosed = false
  #hasExited = false

  constructor(pty: Pty, identity: ProcessIdentity) {
    this.#pty = pty
    this.identity = identity
    // Who has left the session, and every folder, and its environment, may hold the terminal still.
    if (table.name === 'linux') this.streams.add(pty.ptsName)
    // A program that closes its output before it exits, as `cat` does, would leave nobody at its end: node-pty then closes
    // the other one, and the program gets SIGHUP in the middle of its exit.
    if (table.name === 'linux') this.#ownEnd = openOwnEnd(pty.ptsName)
    // With a number that may be a stranger's by then.
    pty.kill = () => {}
  }

  get isOutputClosed(): boolean {
    return this.#isClosed
  }

  /** node-pty waits for it in a thread of its own, and tells later: only the process table knows. */
  isHeld(): boolean {
    return !this.#hasExited && holderOf(this.identity) !== undefined
  }

  listen(listener: TransportListener): void {
    const pty = this.#pty
    this.#listener = listener
    pty.onData((bytes) => this.#read(bytes))
    // EIO: nobody has the other end any more. node-pty throws what nobody listens to.
    pty.on('error', () => {})
    pty.on('close', () => {
      this.#isClosed = true
      // The kernel gives the name to another terminal once the last holder of this one is gone.
      if (this.streams.delete(pty.ptsName)) this.streams.add(`${pty.ptsName} (deleted)`)
      listener.outputEnded()
    })
    // Having waited for the program, node-pty asks to be told when the terminal is closed: that is the first news of the
    // exit. It tells of it itself only once it is, or after a time by a global timer, which fake ones stop.
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

  /** From here on the terminal is closed when the last of those who are left behind closes it, or when they get no longer. */
  #leaderHasGone(): void {
    this.#stopLooking()
    if (this.#ownEnd === undefined) return
    this.#closeOwnEnd()
    this.#readRest()
    this.#drain(now() + longestDrain)
  }

  /**
   * Reads what the kernel has of the output. Left to libuv, some of it would be lost: a read that does not fill its buffer,
   * on a terminal that nobody holds any more, it takes for the last one, and a terminal gives four kilobytes at a time.
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
   * Lets go when nothing has come for a while: what the kernel has of the output, and a busy test worker has not read yet,
   * would be lost. Who is left behind and goes on writing gets no more than until the deadline.
   */
  #drain(deadline: number): void {
    const count = this.#reads
    after(drainTime, () => {
      // Timers come first: only after that is read what came while this thread did something else.
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
   * Not through node-pty's stream: libuv knows no other writing to a terminal than one that blocks the event loop until
   * the program reads, which may be never.
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

  /** Writes what the program has room for, and comes back for the rest. */
  #pump(pauses: Generator<number, never>): void {
    for (let next = this.#unwritten[0]; next !== undefined; next = this.#unwritten[0]) {
      // While we hold the program's end, nobody but us closes this one: its number is its own.
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
