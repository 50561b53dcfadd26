import { type CommandState, CommandTimeoutError, type SpawnError } from '../base/errors.js'
import { withHelp } from '../base/error-text.js'
import { errorOfExit, errorOnceExited, type ExitKnowledge } from './exits.js'
import { advance, type ExitStatus, hasExited, isOver, type Life, type LifeEvent, see, type Seen } from './life.js'
import type { Output } from './output.js'
import type { Exit } from './process.js'
import type { Usage } from './usage.js'

// The end of one command and what the test knows of it: which of the three exit errors it gets is decided from here.

/** The command whose exit it is. */
export interface ExitOwner {
  readonly log: Output
  readonly durationMs: number
  readonly usage: Usage | undefined
  /** The state as it is, for errors. */
  state(): CommandState
  /** What a person may have overlooked. */
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

  /** Notes what has become of the command. Returns whether nothing more will, from now on. */
  advance(event: LifeEvent): boolean {
    const wasOver = this.isSettled
    this.#life = advance(this.#life, event)
    return !wasOver && this.isSettled
  }

  /** Its exit, and the output up to it, are known; or that it could not be started. */
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

  /** The test has sent a signal: an exit with an error was to be expected. */
  noteSignalled(): void {
    this.#isSignalled = true
  }

  /** A call of the test's has ended it: what says so, when the test asks for something that it cannot do any more. */
  noteEnder(ender: () => string): void {
    this.#ender ??= ender
  }

  /** Its own time was over before it exited. */
  noteTimedOut(): void {
    this.#isTimedOut = true
  }

  see(how: Seen): void {
    this.#seen = see(this.#seen, how)
  }

  /** The exit as the test reads it by itself. */
  read(): ExitStatus | undefined {
    if (!this.isSettled) return undefined
    this.see('read')
    return this.exit
  }

  /** The exit as `toHaveExitedWith` reports it, or undefined while it runs. */
  lookAtExit(): { readonly exitCode: number | null; readonly exitSignal: NodeJS.Signals | null } | undefined {
    this.throwUnlessStarted()
    if (!this.isSettled || this.exit === undefined) return undefined
    this.see('reported')
    return { exitCode: this.exit.code, exitSignal: this.exit.signal }
  }

  /** The exit as waits and endings report it, or throws that its time was over. */
  seenExit(): Exit {
    if (this.#isTimedOut) throw this.seenTimeoutError()
    this.see('reported')
    const { log, durationMs, usage } = this.#owner
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
      ...(usage === undefined ? {} : { usage }),
    }
  }

  /** Throws what a call that only makes sense while it runs throws once it has exited. */
  throwOnceExited(): void {
    const error = this.errorOnceExited(this.knowledge)
    if (error === undefined) return
    this.see('reported')
    throw error
  }

  /** What a call says that only makes sense while it runs. */
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

  /** What was found. Throws the exit's error when nothing was, and all the output there will be has been searched. */
  judge<Value>(found: { value: Value } | undefined, wasSettled: boolean): { value: Value } | undefined {
    if (found === undefined && wasSettled) throw this.endOfWait()
    return found
  }

  /** The error of a wait that was still waiting when the program exited. */
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

  /** What the test never looked at and must hear of: a failure to start, or an exit with an error. */
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
