import { afterAll, afterEach, beforeEach } from '@jest/globals'
import { Guard } from '../../guard/guard.js'
import type { GuardOptions } from '../../guard/options.js'
import { received } from '../carried.js'
import { leakList } from '../leak-list.js'
import { type CircusTest, findCircus, namesOf } from './circus.js'
import { listenToEnvironment, runLast, wrapConcurrent } from './patches.js'

/** ms in which a look at the end must be over, whatever happens, on top of `leakTimeout`. */
const patience = 30_000

type EndHooks = Record<'endTest' | 'endFile', () => Promise<void> | undefined>

/** Behind the fixtures of `useProctor` too, which have the lower ranks. */
function endLast({ endTest, endFile }: EndHooks): void {
  runLast('afterEach', endTest, { timeout: patience, rank: 9 })
  runLast('afterAll', endFile, { timeout: patience, rank: 9 })
}

function endAsDefined({ endTest, endFile }: EndHooks): void {
  afterEach(endTest, patience)
  afterAll(endFile, patience)
}

/** Begins to guard the file. */
function begin(): Guard {
  const circus = findCircus()
  // Only jest-circus tells which test runs. Other runners run tests one by one.
  let unknownTest: object | undefined
  const currentTest = (): object | undefined => circus?.currentlyRunningTest ?? unknownTest
  let events = 0
  const guard = new Guard(
    {
      currentTest,
      isInEnvironment: () => events > 0,
      isConcurrent: (test) => (test as CircusTest).concurrent === true,
      nameOf: (test) => (test === unknownTest ? 'a test' : namesOf(test as CircusTest).join(' > ')),
      leaks: leakList,
    },
    // `globals` in Jest's configuration is what `provide` is in Vitest's.
    received((globalThis as { proctorGuard?: GuardOptions }).proctorGuard),
  )
  const withTest = (act: (test: object) => Promise<void> | undefined) => (): Promise<void> | undefined => {
    const test = currentTest()
    return test === undefined ? undefined : act(test)
  }
  // Jest 29 runs concurrent tests beside the others: whose a process is nobody can tell then, and the file answers.
  let concurrent = 0
  if (circus !== undefined) {
    // What the user's test environment starts is its own to end, when the test is done or at its teardown.
    listenToEnvironment(() => {
      events += 1
      return () => (events -= 1)
    })
    wrapConcurrent((_, fn) => async () => {
      concurrent += 1
      try {
        return await fn()
      } finally {
        concurrent -= 1
      }
    })
  }
  const beginTest = withTest((test) => guard.beginTest(test, { isDeferred: concurrent > 0 }))
  beforeEach(() => {
    unknownTest = circus === undefined ? {} : undefined
    return beginTest()
  })
  const hooks: EndHooks = {
    endTest: withTest((test) => (concurrent > 0 ? guard.deferTest(test) : guard.endTest(test))),
    endFile: () => guard.endFile(),
  }
  if (circus === undefined) endAsDefined(hooks)
  else endLast(hooks)
  return guard
}

/** Guards the file that is being run, once. Returns how options are set. */
export function startGuard(): (options: GuardOptions) => void {
  // Each file has a global object of its own. Jest requires a setup file, and a test that is an ES module imports the
  // other build of this one.
  const shelf = globalThis as unknown as Record<symbol, Pick<Guard, 'configure'> | undefined>
  const active = (shelf[Symbol.for('proctor.guard.1')] ??= begin())
  return (options) => active.configure(options)
}
