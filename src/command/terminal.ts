import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { constants as system } from 'node:os'
import { setImmediate } from 'node:timers'
import type { IPty, spawn as Spawn } from '@lydell/node-pty'
import type { SpawnError } from '../system/errors.js'
import { after, backoff, every, now, pause } from '../system/poll.js'
import { table } from '../system/process-table/current.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import { closeOnExec } from '../system/worker-state.js'
import { drainTime } from './endings.js'
import { codeAgainst, programOf } from './exec.js'
import { explain, type SpawnRequest } from './spawn.js'
import { loadTerminalPackage } from './terminal-packages.js'
import type { Transport, TransportListener } from './transport.js'

// The sole user of @lydell/node-pty, which is loaded with the first terminal. It makes the program the leader of a
// session, and so of a group, whose controlling terminal is the pseudo-terminal: pty(7).

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

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
/** ms that a child gets to lead its session. It takes a tenth of one. */
const patience = 2000

/** What node-pty has beyond its types. */
interface Pty extends IPty {
  readonly fd: number
  readonly ptsName: string
  on(event: string, listener: (...parameters: never[]) => void): void
  once(event: string, listener: (...parameters: never[]) => void): void
  destroy(): void
}

const signalNames = new Map(Object.entries(system.signals).map(([name, number]) => [number, name as NodeJS.Signals]))

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
    const holder = this.#hasExited ? undefined : table.identify(this.identity.pid)
    return holder !== undefined && table.isSame(holder, this.identity)
  }

  listen(listener: TransportListener): void {
    const pty = this.#pty
    this.#listener = listener
    pty.onData((bytes) => this.#read(bytes as unknown as Buffer))
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
      else listener.exited(null, signalNames.get(signal) ?? (`SIG${signal}` as NodeJS.Signals))
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
      setImmediate(() => {
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
      this.#pty.write(bytes as unknown as string)
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

/** What tells of the terminal that the tests run in, and is not true of this one. */
const isOuterTerminals = (name: string): boolean =>
  ['COLUMNS', 'LINES', 'TERMCAP', 'TMUX', 'TMUX_PANE', 'STY', 'WINDOW', 'WINDOWID', 'COLORTERM'].includes(name) ||
  name.startsWith('TERM_')

/**
 * The environment of a command in a terminal, less what tells of another one.
 *
 * @param own what the test asked for, which stays.
 */
export function terminalEnvironment(
  env: NodeJS.ProcessEnv,
  own: Record<string, string | undefined>,
): NodeJS.ProcessEnv {
  const isTold = (name: string): boolean => Object.hasOwn(own, name)
  const kept = Object.entries(env).filter(([name]) => isTold(name) || !isOuterTerminals(name))
  const result: NodeJS.ProcessEnv = Object.fromEntries(kept)
  if (!isTold('TERM')) result['TERM'] = 'xterm-256color'
  // What is written is read as UTF-8: where nothing says what the locale is, a program would write something else.
  const isLocaleKnown = ['LC_ALL', 'LC_CTYPE', 'LANG'].some((name) => isTold(name) || result[name] !== undefined)
  return isLocaleKnown ? result : { ...result, LC_CTYPE: process.platform === 'darwin' ? 'UTF-8' : 'C.UTF-8' }
}

/**
 * Starts a program in a pseudo-terminal.
 *
 * @returns the running program, or the promise of the reason why it could not be started.
 * @throws {MissingDependencyError} where node-pty is not to be had.
 */
export function startInTerminal(request: SpawnRequest, size: TerminalSize): PseudoTerminal | Promise<SpawnError> {
  const { spawn } = loadTerminalPackage<{ spawn: typeof Spawn }>('@lydell/node-pty')
  const code = codeAgainst(request)
  if (code !== undefined) return Promise.resolve(explain({ code, message: code }, request))
  const { file, args } = programOf(request)
  const earliest = table.startTimeNow()
  let pty: Pty
  try {
    pty = spawn(file, args, {
      name: request.env['TERM'] ?? '',
      cols: size.columns,
      rows: size.rows,
      cwd: request.cwd,
      env: request.env as Record<string, string>,
      encoding: null,
    }) as Pty
  } catch (error) {
    return Promise.resolve(explain(error, request))
  }
  closeOnExec(pty.fd)
  return new PseudoTerminal(pty, awaitLeader(pty.pid) ?? { pid: pty.pid, startTime: earliest })
}

/**
 * node-pty returns from fork(2), and the child has yet to call setsid(2): until it leads its group a signal to the group
 * reaches nobody, and it looks like one of the test runner's own processes.
 *
 * @returns nothing when it has exited already and is gone from the table: what it left behind is younger than `earliest`.
 */
function awaitLeader(pid: number): ProcessIdentity | undefined {
  const deadline = now() + patience
  for (;;) {
    const record = table.identify(pid)
    if (record === undefined) return undefined
    if (record.group === pid || now() > deadline) return { pid, startTime: record.startTime }
    pause(0.05)
  }
}
