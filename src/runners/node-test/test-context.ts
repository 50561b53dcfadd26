import type { TestIdentity } from '../../trace/test-trace.js'

// The one description of what node:test hands to a test or a hook: what Node 20.19 to 26 have in common.

/** The context of a test, or of a suite. */
export interface TestContext {
  readonly name: string
  /** The names of the tests and suites around it too, joined by ` > `. */
  readonly fullName?: string
  /** Since Node 22.6. */
  readonly filePath?: string | undefined
  /** Whether it has not failed so far. A suite has none. */
  readonly passed?: boolean
  readonly error?: unknown
  after(fn: () => unknown): void
  diagnostic?(message: string): void
}

/** Whether something is what node:test gives to a test. */
export const isTestContext = (value: unknown): value is TestContext =>
  typeof value === 'object' && value !== null && typeof (value as Partial<TestContext>).after === 'function'

/** Runs it behind what the test itself gives to `t.after`, whenever it does: that is run in the order in which it came. */
export function runLast(test: TestContext, fn: () => unknown): void {
  test.after(() => test.after(fn))
}

export const hasFailed = ({ passed }: TestContext): boolean => passed === false

export const identityOf = (test: TestContext): TestIdentity => ({
  names: (test.fullName ?? test.name).split(' > '),
  ...(test.filePath === undefined ? {} : { file: test.filePath }),
})
