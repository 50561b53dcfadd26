import { WatchedPromise } from './unawaited.js'

// A runner hands a test what `then` of a matcher's promise returns. So that promise tells whether the test awaited the
// matcher.

/** What is known of one call of a matcher. */
export interface Claim {
  isAwaited: boolean
  /** Whether a fixture will report the call if it was not awaited. */
  isReported: boolean
}

/** `await` calls `then` with functions of the language, a runner with its own. */
const isBuiltIn = (listener: unknown): boolean =>
  typeof listener !== 'function' || /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(listener))

class MatcherPromise<Value> extends WatchedPromise<Value> {
  claim: Claim | undefined

  /** `then` returns a promise that knows when it is awaited. */
  static override get [Symbol.species](): PromiseConstructor {
    return WatchedPromise as unknown as PromiseConstructor
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise.
  override then<Fulfilled = Value, Rejected = never>(
    onFulfilled?: ((value: Value) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    const handed = super.then(onFulfilled, onRejected)
    const { claim } = this
    if (claim === undefined) return handed
    if (isBuiltIn(onFulfilled)) claim.isAwaited = true
    else watch(handed as WatchedPromise<Fulfilled | Rejected>, claim)
    return handed
  }
}

/** The fixture reports a matcher that was not awaited at its line. Node would blame whichever test runs by then. */
function watch(handed: WatchedPromise<unknown>, claim: Claim): void {
  handed.onAwaited = () => (claim.isAwaited = true)
  void Promise.prototype.then.call(handed, undefined, (error: unknown) => {
    if (!claim.isAwaited && !claim.isReported) throw error
  })
}

/** A matcher's promise, for a runner that calls its `then` and returns the result to the test. */
export function claimed<Value>(claim: Claim, promise: Promise<Value>): Promise<Value> {
  const own = new MatcherPromise<Value>((resolve) => resolve(promise))
  own.claim = claim
  return own
}

let current: Claim | undefined

/** The claim of the matcher that is being called. */
export const currentClaim = (): Claim | undefined => current

/** Calls a matcher, which then finds its claim. */
export function whileClaimed<Result>(claim: Claim, call: () => Result): Result {
  const before = current
  current = claim
  try {
    return call()
  } finally {
    current = before
  }
}
