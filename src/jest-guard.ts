import { afterAll, afterEach, beforeEach } from '@jest/globals'
import { type CircusTest, type DescribeBlock, findCircus, runLast } from './runners/jest/circus.js'
import { Guard } from './guard/guard.js'
import type { GuardOptions } from './guard/options.js'

export type { GuardOptions } from './guard/options.js'
export type { GuardFinding, GuardOrigin, GuardReport } from './guard/report.js'

/** ms in which a look at the end must be over, whatever happens, on top of `leakTimeout`. */
const patience = 30_000

function nameOf(test: CircusTest): string {
  const names: string[] = []
  for (let each: CircusTest | DescribeBlock | undefined = test; each?.parent !== undefined; each = each.parent)
    names.unshift(each.name)
  return names.join(' > ')
}

const circus = findCircus()
/** Of another runner of Jest's nobody knows which test runs: they run one by one. */
let unknownTest: object | undefined
const currentTest = (): object | undefined => circus?.currentlyRunningTest ?? unknownTest

/** Begins to guard the file. */
function begin(): Guard {
  const begun = new Guard(
    {
      currentTest,
      isConcurrent: (test) => (test as CircusTest).concurrent === true,
      nameOf: (test) => (test === unknownTest ? 'a test' : nameOf(test as CircusTest)),
    },
    // `globals` in Jest's configuration is what `provide` is in Vitest's.
    (globalThis as { proctorGuard?: GuardOptions }).proctorGuard,
  )
  beforeEach(() => {
    unknownTest = circus === undefined ? {} : undefined
    const test = currentTest()
    return test === undefined ? undefined : begun.beginTest(test)
  })
  const endTest = (): Promise<void> | undefined => {
    const test = currentTest()
    return test === undefined ? undefined : begun.endTest(test)
  }
  const endFile = (): Promise<void> => begun.endFile()
  if (circus === undefined) {
    afterEach(endTest, patience)
    afterAll(endFile, patience)
  } else {
    // Behind the fixtures of `useProctor` too.
    runLast('afterEach', endTest, { timeout: patience, rank: 9 })
    runLast('afterAll', endFile, { timeout: patience, rank: 9 })
  }
  return begun
}

// One a file, and each file has a global object of its own: Jest requires a setup file, and a test that is an ES module
// imports the other build of this one.
const key = Symbol.for('proctor.guard.1')
const shelf = globalThis as unknown as Record<symbol, Pick<Guard, 'say'> | undefined>
const active = (shelf[key] ??= begin())

/**
 * Sets options: in one's own setup file or at the top of a test file for the file, inside a test for that test.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * // jest.setup.js
 * const { guard } = require('proctor/jest/guard')
 * guard({ mode: 'warn', allow: [/gradle/] })
 */
export function guard(options: GuardOptions = {}): void {
  active.say(options)
}
