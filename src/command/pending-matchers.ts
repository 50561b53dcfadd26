/** The matchers that look at one command now: one that still does when the test has ended was not awaited. */
export class PendingMatchers {
  readonly #names = new Map<symbol, string>()
  readonly #onCall: (what: string) => ((error?: unknown) => void) | undefined
  #isAbandoned = false

  /** `onCall` is told of each, and returns what is told the end of it. */
  constructor(onCall: (what: string) => ((error?: unknown) => void) | undefined) {
    this.#onCall = onCall
  }

  get names(): readonly string[] {
    return [...this.#names.values()]
  }

  /** The test has ended: whatever still looks says nothing of its own any more. */
  abandon(): void {
    this.#isAbandoned = true
  }

  /** Counts a matcher as pending for as long as it looks. */
  async during<Look>(matcher: string, look: () => Promise<Look>): Promise<Look> {
    const key = Symbol(matcher)
    const onEnd = this.#onCall(`expect(…).${matcher}()`)
    const wasAbandoned = this.#isAbandoned
    this.#names.set(key, matcher)
    try {
      return await look()
    } finally {
      onEnd?.()
      this.#names.delete(key)
      // Nobody awaited it, and the teardown has said so: a rejection would be an unhandled one on top of that.
      if (!wasAbandoned && this.#isAbandoned) await new Promise(() => {})
    }
  }
}
