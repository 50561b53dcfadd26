import type { TestIdentity } from '../../trace/test-trace.js'

// The one description of what node:test passes to tests and hooks: the part that Node 20.19 to 26 have in common.

/** The context of a test or of a suite. */
export interface TestContext {
  readonly name: string
  /** Its name after the names of the tests and suites around it, joined by ` > `. */
  readonly fullName?: string
  /** Since Node 22.6. */
  readonly filePath?: string | undefined
  /** Whether it has not failed so far. Missing for a suite. */
  readonly passed?: boolean
  readonly error?: unknown
  after(fn: () => unknown): void
  diagnostic?(message: string): void
}

/** Whether a value is a context of node:test. */
export const isTestContext = (value: unknown): value is TestContext =>
  typeof value === 'object' && value !== null && typeof (value as Partial<TestContext>).after === 'function'

/**
 * Runs a function after everything that the test itself gives to `t.after`, even later: node:test calls those in the
 * order in which they were registered.
 */
export function runLast(test: TestContext, fn: () => unknown): void {
  test.after(() => test.after(fn))
}

export const hasFailed = ({ passed }: TestContext): boolean => passed === false

export const identityOf = (test: TestContext): TestIdentity => ({
  names: (test.fullName ?? test.name).split(' > '),
  ...(test.filePath === undefined ? {} : { file: test.filePath }),
})
