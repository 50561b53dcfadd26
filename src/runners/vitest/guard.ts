import { beforeEach, inject, test } from 'vitest'
import { Guard } from '../../guard/guard.js'
import type { GuardOptions } from '../../guard/options.js'
import { received } from '../carried.js'
import { leakList } from '../leak-list.js'
import { expectFailureAgain, expectNoFailure, finishLast, listenToFiles, listenToSharedFixtures } from './patches.js'
import { afterFile, importCurrentTest, isSurrounded, type RunnerClass, TestRunner, type TestApi } from './runner.js'
import { namesOf, type Task } from './task.js'

/** ms that the check at the end may take on top of `leakTimeout`, whatever happens. */
const patience = 30_000

interface Shared {
  /** The guard of the file that is being collected or run. */
  active: Guard | undefined
}

/** Begins to guard the file that is being collected. */
function begin(shared: Shared, currentTest: () => Task | undefined): Guard {
  const guard = new Guard(
    {
      currentTest,
      isConcurrent: (task) => (task as Task).concurrent === true,
      nameOf: (task) => namesOf(task as Task).join(' > '),
      leaks: leakList,
    },
    received(inject('proctorGuard')),
  )
  afterFile(async () => {
    if (shared.active === guard) shared.active = undefined
    await guard.endFile()
  }, patience)
  let lastBlock: Task | undefined
  beforeEach(({ task, onTestFinished }) => {
    const own = task as Task
    if (own.fails === false) expectFailureAgain(own)
    onTestFinished(() => endTest(guard, own), patience)
    finishLast(own)
    const block = own.suite ?? own.file
    const terms = { isDeferred: isSurrounded(own), isNext: block === lastBlock && own.concurrent !== true }
    lastBlock = block
    return guard.beginTest(task, terms) as Promise<void>
  })
  return guard
}

/** Vitest drops the error of a test that has skipped itself. So the file answers for what such a test has left. */
function endTest(guard: Guard, task: Task): Promise<void> | undefined {
  if (task.result?.state === 'skip') return guard.deferTest(task)
  return guard.endTest(task)?.catch((error: unknown) => {
    expectNoFailure(task)
    throw error
  })
}

/**
 * The guard of this worker's files. Without isolation, the user's setup file runs for each test file, but the modules
 * that it imports run only once. So the hooks of every later file are registered from here. If the setup file is this
 * package's entry point itself, Vitest runs it for each file.
 */
function share(runner: RunnerClass, beginOne: (shared: Shared) => Guard): Shared {
  const key = Symbol.for('proctor.guard.1')
  const shelf = runner.prototype as unknown as Record<symbol, Shared | undefined>
  const known = shelf[key]
  if (known !== undefined) return known
  const own: Shared = (shelf[key] = { active: undefined })
  listenToFiles(runner, {
    onCollect: () => {
      // No hook has run for a file if none of its tests ran.
      own.active?.abandon()
      own.active = undefined
    },
    onSetupFile: () => (own.active ??= beginOne(own)),
  })
  return own
}

/**
 * Guards the file that is being collected and, without isolation, those that follow. Returns the function that sets
 * options.
 */
export async function startGuard(): Promise<(options: GuardOptions) => void> {
  const currentTest = await importCurrentTest()
  const beginOne = (shared: Shared): Guard => begin(shared, currentTest)
  const shared = TestRunner === undefined ? { active: undefined } : share(TestRunner, beginOne)
  // What a test sets up first and the file or the worker keeps does not belong to that test.
  listenToSharedFixtures(
    test as unknown as TestApi,
    (scope) => shared.active?.beginShared(scope) ?? ((): void => undefined),
  )
  shared.active ??= beginOne(shared)
  return (options) => (shared.active ??= beginOne(shared)).configure(options)
}
