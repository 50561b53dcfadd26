import { callSite } from '../base/call-site.js'
import { after, every, now, soon } from '../base/clock.js'
import { type UnawaitedCall, UnawaitedCalls, WatchedPromise, whenOver } from './unawaited.js'

/** After some looks, this many times their duration passes before the next ones. */
const rest = 4

/** Looks whether the wait is over. Throws the error that the wait is to reject with. */
export type Attempt<Value> = () =>
  | { readonly value: Value }
  | undefined
  | Promise<{ readonly value: Value } | undefined>

export interface WaitTerms {
  /** ms */
  readonly timeout: number
  readonly onTimeout: () => Error
  /** ms between two looks when nothing else asks for one. */
  readonly interval?: number | undefined
  /** The call as the test wrote it, which the test should await. */
  readonly what?: string | undefined
  /** Called when the wait is over, with the error if it failed. */
  readonly onEnd?: ((error?: unknown) => void) | undefined
}

interface Wait {
  readonly promise: Promise<unknown>
  step(): void
  reject(error: Error): void
}

/** The waits on one process. Level-triggered: each looks at once, and again whenever something has changed. */
export class Waits {
  readonly #waits = new Set<Wait>()
  readonly #unawaited = new UnawaitedCalls()
  #unschedule: (() => void) | undefined
  /** ms before the next look may begin. */
  #pause = 0

  /**
   * Something has changed: every wait looks again, once for all changes in this turn of the event loop. Looking at
   * megabytes takes time, during which nobody reads the program's output, and the program would wait.
   */
  changed(): void {
    if (this.#waits.size === 0 || this.#unschedule !== undefined) return
    if (this.#pause >= 1) {
      this.#unschedule = after(this.#pause, () => this.stepAll())
      return
    }
    this.#unschedule = soon(() => this.stepAll())
  }

  stepAll(): void {
    this.#unschedule?.()
    this.#unschedule = undefined
    const begin = now()
    for (const wait of this.#waits) wait.step()
    this.#pause = (now() - begin) * rest
  }

  /** Rejects every wait. A wait that nobody awaits does not become an unhandled rejection. Most often there is none. */
  abandon(reason: () => Error): void {
    if (this.#waits.size === 0) return
    const error = reason()
    for (const wait of this.#waits) {
      whenOver(wait.promise, () => {})
      wait.reject(error)
    }
  }

  /** The calls of the test that it never awaited. */
  get unawaited(): readonly UnawaitedCall[] {
    return this.#unawaited.all
  }

  /** Watches whether a test awaits a call that ends its command. */
  watchEnding<Value>(ending: Promise<Value>, call: UnawaitedCall): Promise<Value> {
    const promise = new WatchedPromise<Value>((resolve, reject) => void ending.then(resolve, reject))
    this.#unawaited.watch(promise, { ...call, isEnding: true })
    return promise
  }

  add<Value>(attempt: Attempt<Value>, { timeout, onTimeout, interval, onEnd, what }: WaitTerms): Promise<Value> {
    const leadBack = callSite()
    let resolve!: (value: Value) => void
    let reject!: (error: unknown) => void
    const promise = new WatchedPromise<Value>((whenFound, whenFailed) => {
      resolve = whenFound
      reject = (error) => {
        leadBack(error)
        onEnd?.(error)
        whenFailed(error)
      }
    })
    if (what !== undefined) this.#unawaited.watch(promise, { what, site: leadBack })
    let [isDone, isBusy, isStale] = [false, false, false]
    const finish = (settle: () => void): void => {
      if (isDone) return
      isDone = true
      stopTimeout()
      stopInterval()
      this.#waits.delete(wait)
      settle()
    }
    const look = async (): Promise<void> => {
      isStale = true
      if (isBusy) return
      isBusy = true
      try {
        while (isStale && !isDone) {
          isStale = false
          const result = attempt()
          const found = result instanceof Promise ? await result : result
          if (found === undefined) continue
          finish(() => resolve(found.value))
          onEnd?.()
        }
      } catch (error) {
        finish(() => reject(error))
      }
      isBusy = false
    }
    const wait: Wait = { promise, step: () => void look(), reject: (error) => finish(() => reject(error)) }
    const stopTimeout = after(timeout, () => {
      // What came since the last look counts.
      void look()
      finish(() => reject(onTimeout()))
    })
    const stopInterval = interval === undefined ? (): void => {} : every(interval, () => void look())
    this.#waits.add(wait)
    void look()
    return promise
  }
}
