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

// The guard of node:test, preloaded by --import: hooks of the root are every test's, subtests' too. The file is its own
// process, and its end is the root's.

const fullNameOf = (test: TestContext): string => test.fullName ?? test.name

/** Whether the second stands around the first. */
const isAround = (test: TestContext, other: TestContext): boolean =>
  fullNameOf(test).startsWith(`${fullNameOf(other)} > `)

class RunningTests {
  readonly #guard: Guard
  /** Those whose hooks have begun, and around whose subtests nothing is said of them. */
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
    // What starts while a subtest runs is the subtest's.
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

/** node:test drops what is thrown behind a test that has failed already. */
function tell(test: TestContext, error: Error): void {
  if (!hasFailed(test)) throw error
  test.diagnostic?.(`${error.name}: ${escapeText(error.message)}`)
}

/** Tests run in this process: it is not the one that `node --test` starts for each file. */
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
  // Hooks of the root run in the order in which they came: this one comes when the file's own have.
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

/** Guards this process's tests, once. Returns how options are set. */
export function startGuard(): (options: GuardOptions) => void {
  if (process.env['NODE_TEST_CONTEXT'] === undefined) sumUpAtExit()
  if (!isForTests()) return () => {}
  // Preloaded as an ES module, and perhaps required by a test.
  const shelf = globalThis as unknown as Record<symbol, Pick<Guard, 'configure'> | undefined>
  const active = (shelf[Symbol.for('proctor.guard.1')] ??= begin())
  return (options) => active.configure(options)
}
