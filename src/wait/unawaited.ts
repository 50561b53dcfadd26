import type { CallSite } from '../base/call-site.js'

/** A call whose promise nobody has awaited so far. */
export interface UnawaitedCall {
  /** The call, as the test wrote it. */
  readonly what: string
  readonly site: CallSite
  /** A test may well end a command and wait for something else. Such a call is only reported if it failed. */
  readonly isEnding?: boolean
  hasFailed?: boolean
  /** Resolves when the call is over, whether it failed or not. */
  over?: Promise<void>
}

/** A promise that knows when somebody awaits it: `await` calls `then` on anything but a plain promise. */
export class WatchedPromise<Value> extends Promise<Value> {
  onAwaited: (() => void) | undefined

  /** `then` returns a plain promise. */
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

/** Calls a function when a promise is settled, without making it count as awaited. */
export function whenOver(promise: Promise<unknown>, listener: () => void, onFailure = listener): void {
  void Promise.prototype.then.call(promise, listener, onFailure)
}

/** The calls of a test that it never awaited. */
export class UnawaitedCalls {
  readonly #calls = new Set<UnawaitedCall>()

  get all(): readonly UnawaitedCall[] {
    return [...this.#calls]
  }

  watch(promise: WatchedPromise<unknown>, call: UnawaitedCall): void {
    this.#calls.add(call)
    // Teardown reports it with its line. An unhandled rejection would be blamed on whichever test runs by then.
    call.over = new Promise((resolve) => {
      whenOver(promise, resolve, () => {
        call.hasFailed = true
        resolve()
      })
    })
    promise.onAwaited = () => this.#calls.delete(call)
  }
}
