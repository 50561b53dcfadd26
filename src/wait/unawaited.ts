import type { CallSite } from '../base/call-site.js'

/** A call that gave a promise which nobody has awaited so far. */
export interface UnawaitedCall {
  /** The call, as the test wrote it. */
  readonly what: string
  readonly site: CallSite
  /** A test may well end a command and wait for something else: only a call that failed is a failure. */
  readonly isEnding?: boolean
  hasFailed?: boolean
  /** When it is over, whatever came of it. */
  over?: Promise<void>
}

/** A promise that tells when somebody awaits it: `await` calls `then` of what is no plain promise. */
export class WatchedPromise<Value> extends Promise<Value> {
  onAwaited: (() => void) | undefined

  /** What `then` gives is a plain one. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise.
  override then<Fulfilled = Value, Rejected = never>(
    onFulfilled?: ((value: Value) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.onAwaited?.()
    return super.then(onFulfilled, onRejected)
  }
}

/** Calls a function when a promise is settled, and the promise does not count as awaited by that. */
export function whenOver(promise: Promise<unknown>, listener: () => void, onFailure = listener): void {
  void Promise.prototype.then.call(promise, listener, onFailure)
}

/** What a test has asked for, and never awaited. */
export class UnawaitedCalls {
  readonly #calls = new Set<UnawaitedCall>()

  get all(): readonly UnawaitedCall[] {
    return [...this.#calls]
  }

  watch(promise: WatchedPromise<unknown>, call: UnawaitedCall): void {
    this.#calls.add(call)
    // The teardown reports it with its line. An unhandled rejection would be blamed on the test that runs by then.
    call.over = new Promise((resolve) => {
      whenOver(promise, resolve, () => {
        call.hasFailed = true
        resolve()
      })
    })
    promise.onAwaited = () => this.#calls.delete(call)
  }
}
