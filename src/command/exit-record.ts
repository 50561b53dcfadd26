import { type CommandState, CommandTimeoutError, type SpawnError } from '../base/errors.js'
import { errorOfExit, errorOnceExited, type ExitKnowledge } from './exits.js'
import type { Output } from './output.js'
import type { Exit } from './process.js'

// What became of one command, and what of it the test has been told or has looked at: which of the three exit errors
// it gets is told from here.

/** Whose exit it is. */
export interface Recorded {
  readonly log: Output
  readonly durationMs: number
  /** The state as it is, for errors. */
  state(): CommandState
}

export class ExitRecord {
  readonly #of: Recorded
  /** ms after which it is killed. */
  readonly #timeout: number | undefined
  /** Its process has exited; `at` is on the clock of `now()`. */
  exit: { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly at: number } | undefined
  /** The rest of its output is there too, or what there will be of it. */
  isSettled = false
  /** A wait, an ending, a matcher or an error has reported the exit. */
  isSeen = false
  /** The test has read `exitCode` or `exitSignal` after the exit. */
  isExitRead = false
  /** The test has sent it a signal. */
  isSignalled = false
  /** Its own time was over before it exited. */
  isTimedOut = false
  /** It could not be started. */
  spawnError: SpawnError | undefined
  #isSpawnErrorSeen = false

  constructor(of: Recorded, timeout: number | undefined) {
    this.#of = of
    this.#timeout = timeout
  }

  get knowledge(): ExitKnowledge {
    if (!this.isSettled) return 'running'
    return this.isSeen ? 'exited, seen' : 'exited, not seen'
  }

  /** The exit as the test reads it by itself. */
  read(): { readonly code: number | null; readonly signal: NodeJS.Signals | null } | undefined {
    if (!this.isSettled) return undefined
    this.isExitRead = true
    return this.exit
  }

  /** The exit as `toHaveExitedWith` reports it, or undefined while it runs. */
  lookAtExit(): { readonly exitCode: number | null; readonly exitSignal: NodeJS.Signals | null } | undefined {
    if (!this.isSettled || this.exit === undefined) return undefined
    this.isSeen = true
    return { exitCode: this.exit.code, exitSignal: this.exit.signal }
  }

  /** The exit as waits and endings report it, or throws that its time was over. */
  seenExit(): Exit {
    if (this.isTimedOut) throw this.seenTimeoutError()
    this.isSeen = true
    const { log, durationMs } = this.#of
    const { code, signal } = this.exit!
    // Decoded when they are read: most tests ask for one of them, or for none.
    return {
      exitCode: code,
      exitSignal: signal,
      get stdout() {
        return log.text('stdout')
      },
      get stderr() {
        return log.text('stderr')
      },
      get output() {
        return log.text()
      },
      durationMs,
    }
  }

  /** Throws what a call that only makes sense while it runs throws once it has exited. */
  throwOnceExited(): void {
    const error = errorOnceExited(this.knowledge, this.#of.state())
    if (error === undefined) return
    this.isSeen = true
    throw error
  }

  /** What was found; or, when all output there will be was looked at in vain, the exit's error. */
  judge<Value>(found: { value: Value } | undefined, wasSettled: boolean): { value: Value } | undefined {
    if (found === undefined && wasSettled) throw this.endOfWait()
    return found
  }

  /** What a wait rejects with that was waiting, in vain, when the program exited. */
  endOfWait(): Error {
    if (this.isTimedOut) return this.seenTimeoutError()
    this.isSeen = true
    return errorOnceExited('exited, not seen', this.#of.state())!
  }

  seenTimeoutError(): CommandTimeoutError {
    this.isSeen = true
    return this.#timeoutError()
  }

  #timeoutError(): CommandTimeoutError {
    return new CommandTimeoutError(this.#of.state(), this.#timeout ?? 0)
  }

  seenSpawnError(): SpawnError | undefined {
    this.#isSpawnErrorSeen ||= this.spawnError !== undefined
    return this.spawnError
  }

  /** What the test never looked at and must hear of: a failure to start, or an exit with an error. */
  unseenFailure(isExcused: boolean): Error | undefined {
    if (this.spawnError !== undefined) return this.#isSpawnErrorSeen ? undefined : this.spawnError
    if (this.isSeen || this.exit === undefined) return undefined
    if (this.isTimedOut) return this.#timeoutError()
    if (isExcused || this.isSignalled || this.isExitRead) return undefined
    const state = this.#of.state()
    return errorOfExit(state) === undefined ? undefined : errorOnceExited('exited, not seen', state)
  }
}
