import { afterAll, afterEach, beforeEach } from '@jest/globals'
import { Guard } from '../../guard/guard.js'
import type { GuardOptions } from '../../guard/options.js'
import { received } from '../carried.js'
import { leakList } from '../leak-list.js'
import { type CircusTest, findCircus, namesOf } from './circus.js'
import { listenToEnvironment, runLast, wrapConcurrent } from './patches.js'

/** ms that the check at the end may take on top of `leakTimeout`, whatever happens. */
const patience = 30_000

type EndHooks = Record<'endTest' | 'endFile', () => Promise<void> | undefined>

/** Runs after the fixtures of `useProctor` too: those have lower ranks. */
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
  // Only jest-circus tells which test is running. Other runners run tests one at a time.
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
    // Jest's `globals` are what `provide` is for Vitest.
    received((globalThis as { proctorGuard?: GuardOptions }).proctorGuard),
  )
  const withTest = (act: (test: object) => Promise<void> | undefined) => (): Promise<void> | undefined => {
    const test = currentTest()
    return test === undefined ? undefined : act(test)
  }
  // Jest 29 runs concurrent tests beside the others. Then nobody can tell which test started a process, and the file
  // answers for it.
  let concurrent = 0
  if (circus !== undefined) {
    // The user's test environment itself ends what it starts, after the test or at its own teardown.
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

/** Guards the running file, once. Returns the function that sets options. */
export function startGuard(): (options: GuardOptions) => void {
  // Each file has its own global object. Jest requires a setup file, while a test that is an ES module imports the
  // other build of this module.
  const shelf = globalThis as unknown as Record<symbol, Pick<Guard, 'configure'> | undefined>
  const active = (shelf[Symbol.for('proctor.guard.1')] ??= begin())
  return (options) => active.configure(options)
}
