import { AsyncResource } from 'node:async_hooks'
import { after, beforeEach } from 'node:test'
import { keepingAlive } from '../../base/clock.js'
import { escapeText } from '../../base/escape.js'
import { Guard } from '../../guard/guard.js'
import type { GuardOptions } from '../../guard/options.js'
import { tellIfItHangs } from '../../guard/hang.js'
import { leakList } from '../leak-list.js'
import { sumUpAtExit } from '../run.js'
import { hasFailed, runLast, type TestContext } from './test-context.js'

// The guard for node:test, preloaded by --import. Hooks that are registered outside of any suite run for every test,
// subtests too. Each file has its own process, which ends with the file.

const fullNameOf = (test: TestContext): string => test.fullName ?? test.name

/** Whether the second test contains the first. */
const isAround = (test: TestContext, other: TestContext): boolean =>
  fullNameOf(test).startsWith(`${fullNameOf(other)} > `)

class RunningTests {
  readonly #guard: Guard
  /** The tests whose hooks have begun. Nothing is reported for a test before its subtests are done. */
  readonly #running: TestContext[] = []

  constructor(guard: (current: () => TestContext | undefined) => Guard) {
    this.#guard = guard(() => this.#running.at(-1))
  }

  get guard(): Guard {
    return this.#guard
  }

  #parentOf(test: TestContext): TestContext | undefined {
    return this.#running.findLast((each) => each !== test && isAround(test, each))
  }

  async begin(test: TestContext): Promise<void> {
    const parent = this.#parentOf(test)
    const hasSiblings = this.#running.some((each) => each !== parent && parent !== undefined && isAround(each, parent))
    // What starts while a subtest runs belongs to the subtest.
    if (parent !== undefined && !hasSiblings) this.#guard.deferTest(parent)
    this.#running.push(test)
    await this.#guard.beginTest(test)
  }

  async end(test: TestContext): Promise<void> {
    this.#running.splice(this.#running.indexOf(test), 1)
    try {
      await this.#guard.endTest(test)
    } finally {
      const parent = this.#parentOf(test)
      const hasSiblings = this.#running.some((each) => parent !== undefined && isAround(each, parent))
      if (parent !== undefined && !hasSiblings) await this.#guard.beginTest(parent)
    }
  }
}

/** node:test drops errors that are thrown after the test has failed. */
function tell(test: TestContext, error: Error): void {
  if (!hasFailed(test)) throw error
  test.diagnostic?.(`${error.name}: ${escapeText(error.message)}`)
}

/** Whether tests run in this process. `node --test` itself starts one such process for each file. */
export const isForTests = (): boolean =>
  process.env['NODE_TEST_CONTEXT'] !== undefined ||
  !process.execArgv.includes('--test') ||
  process.execArgv.some((flag) => /^--(?:experimental-)?test-isolation=none$/.test(flag))

function begin(): Guard {
  const tests = new RunningTests(
    (current) =>
      new Guard(
        {
          currentTest: current,
          isConcurrent: () => false,
          nameOf: (test) => fullNameOf(test as TestContext),
          leaks: leakList,
        },
        undefined,
      ),
  )
  // Hooks outside of any suite run in the order of their registration. This one is registered after the file's own.
  const endFile = (): Promise<void> => keepingAlive(tests.guard.endFile()).finally(() => tellIfItHangs('the test file'))
  const endFileLast = AsyncResource.bind(() => after(endFile))
  let hasEnd = false
  beforeEach(async (context) => {
    const test = context as unknown as TestContext
    if (!hasEnd) endFileLast()
    hasEnd = true
    await tests.begin(test)
    runLast(test, () => keepingAlive(tests.end(test)).catch((error: unknown) => tell(test, error as Error)))
  })
  return tests.guard
}

/** Guards the tests of this process, once. Returns the function that sets options. */
export function startGuard(): (options: GuardOptions) => void {
  if (process.env['NODE_TEST_CONTEXT'] === undefined) sumUpAtExit()
  if (!isForTests()) return () => {}
  // Preloaded as an ES module, and perhaps required by a test.
  const shelf = globalThis as unknown as Record<symbol, Pick<Guard, 'configure'> | undefined>
  const active = (shelf[Symbol.for('proctor.guard.1')] ??= begin())
  return (options) => active.configure(options)
}
