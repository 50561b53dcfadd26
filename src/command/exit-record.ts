import { type CommandState, CommandTimeoutError, type SpawnError } from '../base/errors.js'
import { withHelp } from '../base/error-text.js'
import { errorOfExit, errorOnceExited, type ExitKnowledge } from './exits.js'
import { advance, type ExitStatus, hasExited, isOver, type Life, type LifeEvent, see, type Seen } from './life.js'
import type { Output } from './output.js'
import type { Exit } from './process.js'
import type { Usage } from './usage.js'

// The end of one command, and how much of it the test has seen. This decides which of the three exit errors a call
// gets.

/** The command that the exit belongs to. */
export interface ExitOwner {
  readonly log: Output
  readonly durationMs: number
  readonly usage: Usage | undefined
  /** The state for errors. */
  state(): CommandState
  /** Hints at what a person may have overlooked. */
  hints(): readonly string[]
}

export class ExitRecord {
  readonly #owner: ExitOwner
  /** ms after which it is killed. */
  readonly #timeout: number | undefined
  #life: Life = { phase: 'starting' }
  #seen: Seen = 'no'
  #isSignalled = false
  #isTimedOut = false
  #ender: (() => string) | undefined

  constructor(owner: ExitOwner, timeout: number | undefined) {
    this.#owner = owner
    this.#timeout = timeout
  }

  /** Records an event of the command's life. Returns whether this was the last one. */
  advance(event: LifeEvent): boolean {
    const wasOver = this.isSettled
    this.#life = advance(this.#life, event)
    return !wasOver && this.isSettled
  }

  /** Whether its exit and all output up to it are known, or it is known that it could not be started. */
  get isSettled(): boolean {
    return isOver(this.#life)
  }
  get hasExited(): boolean {
    return hasExited(this.#life)
  }
  get exit(): ExitStatus | undefined {
    return 'exit' in this.#life ? this.#life.exit : undefined
  }
  /** Why it could not be started. */
  get spawnError(): SpawnError | undefined {
    return this.#life.phase === 'failed' ? this.#life.error : undefined
  }
  get isTimedOut(): boolean {
    return this.#isTimedOut
  }
  get isSignalled(): boolean {
    return this.#isSignalled
  }
  get knowledge(): ExitKnowledge {
    if (!this.isSettled) return 'running'
    return this.#seen === 'reported' ? 'exited, seen' : 'exited, not seen'
  }

  /** The test has sent a signal, so an exit with an error was to be expected. */
  noteSignalled(): void {
    this.#isSignalled = true
  }

  /** Remembers the call of the test that ended the command. Later errors name it. */
  noteEnder(ender: () => string): void {
    this.#ender ??= ender
  }

  /** Its `timeout` was over before it exited. */
  noteTimedOut(): void {
    this.#isTimedOut = true
  }

  see(how: Seen): void {
    this.#seen = see(this.#seen, how)
  }

  /** The exit, for a test that reads `exitCode` or `exitSignal`. */
  read(): ExitStatus | undefined {
    if (!this.isSettled) return undefined
    this.see('read')
    return this.exit
  }

  /** The exit, for `toHaveExitedWith`. Undefined while the command runs. */
  lookAtExit(): { readonly exitCode: number | null; readonly exitSignal: NodeJS.Signals | null } | undefined {
    this.throwUnlessStarted()
    if (!this.isSettled || this.exit === undefined) return undefined
    this.see('reported')
    return { exitCode: this.exit.code, exitSignal: this.exit.signal }
  }

  /** The exit, for waits, `kill()` and `terminate()`. Throws if the command was killed by its `timeout`. */
  seenExit(): Exit {
    if (this.#isTimedOut) throw this.seenTimeoutError()
    this.see('reported')
    const { log, durationMs, usage } = this.#owner
    const { code, signal } = this.exit!
    // Decoded on access: most tests read one of them, or none.
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
      ...(usage === undefined ? {} : { usage }),
    }
  }

  /** Throws the error of a call that needs a running program, once the program has exited. */
  throwOnceExited(): void {
    const error = this.errorOnceExited(this.knowledge)
    if (error === undefined) return
    this.see('reported')
    throw error
  }

  /** The error of a call that needs a running program. */
  errorOnceExited(knowledge: ExitKnowledge): Error | undefined {
    const error = errorOnceExited(knowledge, this.#owner.state())
    if (error === undefined) return undefined
    const end = knowledge === 'exited, seen' ? this.#ender?.() : undefined
    const isFailure = error.exitCode !== 0
    return withHelp(error, [...(end === undefined ? [] : [end]), ...(isFailure ? this.#owner.hints() : [])])
  }

  throwUnlessStarted(): void {
    const error = this.seenSpawnError()
    if (error !== undefined) throw error
  }

  /**
   * Returns what a wait has found. Throws the exit's error if it has found nothing and there will be no more output.
   */
  judge<Value>(found: { value: Value } | undefined, wasSettled: boolean): { value: Value } | undefined {
    if (found === undefined && wasSettled) throw this.endOfWait()
    return found
  }

  /** The error of a wait that was under way when the program exited. */
  endOfWait(): Error {
    if (this.spawnError !== undefined) return this.seenSpawnError()!
    if (this.#isTimedOut) return this.seenTimeoutError()
    this.see('reported')
    return this.errorOnceExited('exited, not seen')!
  }

  seenTimeoutError(): CommandTimeoutError {
    this.see('reported')
    return this.#timeoutError()
  }

  #timeoutError(): CommandTimeoutError {
    return new CommandTimeoutError(this.#owner.state(), this.#timeout ?? 0)
  }

  seenSpawnError(): SpawnError | undefined {
    if (this.spawnError !== undefined) this.see('reported')
    return this.spawnError
  }

  /** The failure to start, or the exit with an error, that the test has not seen. */
  unseenFailure(isExcused: boolean): Error | undefined {
    if (this.#seen === 'reported') return undefined
    if (this.spawnError !== undefined) return this.spawnError
    if (this.exit === undefined) return undefined
    if (this.#isTimedOut) return this.#timeoutError()
    if (isExcused || this.#isSignalled || this.#seen === 'read') return undefined
    const state = this.#owner.state()
    return errorOfExit(state) === undefined ? undefined : this.errorOnceExited('exited, not seen')
  }
}
