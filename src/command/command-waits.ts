import { checkOptions } from '../base/check.js'
import { type CommandState, seconds, WaitTimeoutError } from '../base/errors.js'
import { withHelp } from '../base/error-text.js'
import type { TimeoutDetails } from '../readiness/wait-for-http.js'
import { type WaitOptions, waitRules } from '../wait/options.js'
import type { UnawaitedCall } from '../wait/unawaited.js'
import { type Attempt, Waits } from '../wait/waits.js'
import type { ExitRecord } from './exit-record.js'
import { errorOfExit } from './exits.js'
import type { CallKind, CommandListener } from './listener.js'
import type { PendingMatchers } from './pending-matchers.js'
import type { Exit } from './process.js'

/** Turns what a call throws into a rejection. */
export function rejecting<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return call()
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

export interface WaitsHost {
  /** The state for errors. */
  state(): CommandState
  /** The default timeout (ms) of a wait that begins now. */
  waitTimeout(): number
  readonly listener: CommandListener | undefined
  readonly matchers: PendingMatchers
  /**
   * Hints at what a person may have overlooked, for a wait that failed. `isForExit`: it waited for the program's end.
   */
  hints(isForExit: boolean): readonly string[]
}

export interface WaitDetails {
  /** ms between two looks when nothing else asks for one. */
  readonly interval?: number | undefined
  readonly explain?: () => TimeoutDetails
  /** The name of the wait in a trace. */
  readonly what?: string | undefined
  readonly kind?: CallKind
  readonly isForExit?: boolean
}

/** The waits of one command: those for its exit, and the one that all others are built on. */
export class CommandWaits {
  readonly #host: WaitsHost
  readonly #record: ExitRecord
  readonly #waits = new Waits()
  #hasBegun = false

  constructor(host: WaitsHost, record: ExitRecord) {
    this.#host = host
    this.#record = record
  }

  /** Whether the test has waited for anything. If so, it knows that the handle itself is not a promise. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  changed(): void {
    this.#waits.changed()
  }

  stepAll(): void {
    this.#waits.stepAll()
  }

  /** The calls of the test that it never awaited. */
  get unawaited(): readonly UnawaitedCall[] {
    return this.#waits.unawaited
  }

  /** Returns the promise, wrapped so that we see whether the test awaits it. */
  watchEnding<Value>(ending: Promise<Value>, call: UnawaitedCall): Promise<Value> {
    return this.#waits.watchEnding(ending, call)
  }

  abandon(reason: () => Error): void {
    this.#waits.abandon(reason)
  }

  add<Value>(
    attempt: Attempt<Value>,
    timeout: number | undefined,
    { interval, explain, what, kind = 'wait', isForExit = false }: WaitDetails = {},
  ): Promise<Value> {
    this.#hasBegun = true
    const limit = timeout ?? this.#host.waitTimeout()
    const attemptIfStarted: Attempt<Value> = () => {
      this.#record.throwUnlessStarted()
      return attempt()
    }
    const onTimeout = (): Error => {
      const details = explain?.() ?? {}
      const error = new WaitTimeoutError(this.#host.state(), limit, details)
      const waited = what === undefined ? [] : [`waited ${seconds(limit)} for ${what}`]
      const facts = details.cause === undefined ? [] : [details.cause]
      return withHelp(error, [...waited, ...(details.help ?? []), ...facts, ...this.#host.hints(isForExit)])
    }
    const onEnd = what === undefined ? undefined : this.#host.listener?.calls(what, kind)
    const wait = kind === 'wait' ? what : undefined
    const promise = this.#waits.add(attemptIfStarted, { timeout: limit, onTimeout, interval, onEnd, what: wait })
    return this.#host.matchers.asked(promise)
  }

  forExit(options: WaitOptions): Promise<Exit> {
    return this.#forEnd('waitForExit', options, () => {})
  }

  forSuccessfulExit(options: WaitOptions): Promise<Exit> {
    return this.#forEnd('waitForSuccessfulExit', options, () => {
      const error = errorOfExit(this.#host.state())
      if (error !== undefined) throw withHelp(error, this.#host.hints(false))
    })
  }

  #forEnd(caller: string, options: WaitOptions, throwUnlessWanted: () => void): Promise<Exit> {
    return rejecting(() => {
      checkOptions(caller, options, waitRules)
      const attempt: Attempt<Exit> = () => {
        if (!this.#record.isSettled) return undefined
        const value = this.#record.seenExit()
        throwUnlessWanted()
        return { value }
      }
      return this.add(attempt, options.timeout, { what: `${caller}()`, isForExit: true })
    })
  }
}
