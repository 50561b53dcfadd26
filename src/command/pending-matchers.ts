import { type CallSite, callSite } from '../base/call-site.js'
import { type Claim, currentClaim } from '../wait/claim.js'

/** A matcher that looks at a command. */
export interface PendingMatcher {
  readonly name: string
  readonly site: CallSite
}

/** The commands that a function calls, while a matcher calls that function. */
let called: Set<PendingMatchers> | undefined

/** Which command a promise belongs to, for a matcher that is given the promise. */
const promised = new WeakMap<object, PendingMatchers>()

/** Calls the subject of a matcher, or takes it as a promise. Returns the result, and the commands that were called. */
export function callSubject(subject: unknown): { result: unknown; commands: readonly PendingMatchers[] } {
  if (typeof subject !== 'function') {
    const owner = promised.get(subject as object)
    return { result: subject, commands: owner === undefined ? [] : [owner] }
  }
  const before = called
  const mine = new Set<PendingMatchers>()
  called = mine
  try {
    return { result: (subject as () => unknown)(), commands: [...mine] }
  } catch (error) {
    return { result: Promise.reject(error as Error), commands: [...mine] }
  } finally {
    called = before
  }
}

/**
 * Has the name of the error that the runner will throw. It is no `AssertionError`, because node:assert takes 2 ms to
 * load.
 */
const failedMatcher = (name: string): Error => Object.assign(new Error(name), { name: 'AssertionError' })

/** The matchers that look at one command now. One that still looks when the test has ended was not awaited. */
export class PendingMatchers {
  readonly #pending = new Set<PendingMatcher>()
  /** The matchers that had not been awaited when they ended. */
  readonly #ended = new Map<PendingMatcher, Claim>()
  readonly #onCall: (what: string) => ((error?: unknown) => void) | undefined
  #isAbandoned = false

  /** `onCall` is called for each matcher, and returns a function to call at the matcher's end. */
  constructor(onCall: (what: string) => ((error?: unknown) => void) | undefined) {
    this.#onCall = onCall
  }

  get all(): readonly PendingMatcher[] {
    return [...this.#pending]
  }

  /** The matchers that have ended and that nobody has awaited. */
  get unawaited(): readonly PendingMatcher[] {
    return [...this.#ended].flatMap(([matcher, { isAwaited }]) => (isAwaited ? [] : [matcher]))
  }

  /** The test has ended. Matchers that still look do not report anything from now on. */
  abandon(): void {
    this.#isAbandoned = true
  }

  /** Records that the test called the command: if this happens in a function of a matcher, the matcher waits for it. */
  asked<Result extends object>(promise: Result): Result {
    called?.add(this)
    promised.set(promise, this)
    return promise
  }

  /**
   * Counts a matcher as pending while it looks.
   *
   * @param holds whether the matcher holds for what it saw. If not, a trace shows it as failed.
   */
  async during<Look>(
    name: string,
    look: () => Promise<Look>,
    holds: (seen: Look) => boolean = () => true,
  ): Promise<Look> {
    const matcher = { name, site: callSite() }
    const onEnd = this.#onCall(`expect(…).${name}()`)
    const wasAbandoned = this.#isAbandoned
    const claim = wasAbandoned ? undefined : currentClaim()
    if (claim !== undefined) claim.isReported = true
    this.#pending.add(matcher)
    let failure: unknown
    try {
      const seen = await look()
      if (!holds(seen)) failure = failedMatcher(name)
      return seen
    } catch (error) {
      failure = error
      throw error
    } finally {
      onEnd?.(failure)
      this.#pending.delete(matcher)
      if (claim?.isAwaited === false) this.#ended.set(matcher, claim)
      // The matcher was not awaited, and teardown has reported that. A rejection would only add an unhandled one.
      if (!wasAbandoned && this.#isAbandoned) await new Promise(() => {})
    }
  }
}
