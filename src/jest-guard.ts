import { afterAll, afterEach, beforeEach } from '@jest/globals'
import { Guard } from './fixture/guard.js'
import { fromEnvironment, type GuardOptions } from './fixture/guard-options.js'

export type { GuardOptions } from './fixture/guard-options.js'
export type { GuardFinding, GuardOrigin, GuardReport } from './fixture/guard-report.js'

interface Block {
  readonly name: string
  readonly parent?: Block
  readonly hooks: unknown[]
}

interface Test extends Block {
  readonly concurrent?: boolean
}

/** What jest-circus knows, under a symbol of the test file's own global. */
interface Circus {
  readonly rootDescribeBlock: Block
  readonly currentlyRunningTest: Test | null
}

/** ms in which a look at the end must be over, whatever happens, on top of `leakTimeout`. */
const patience = 30_000

function findCircus(): Circus | undefined {
  const symbol = Object.getOwnPropertySymbols(globalThis).find(({ description }) => description === 'JEST_STATE_SYMBOL')
  return symbol === undefined ? undefined : (globalThis as unknown as Record<symbol, Circus>)[symbol]
}

/** Jest runs hooks in the order of their definition: the last ones of a list stay the last ones. */
function keepLast(hooks: unknown[], number: number): void {
  const push = (...more: unknown[]): number => {
    hooks.splice(hooks.length - number, 0, ...more)
    return hooks.length
  }
  Object.defineProperty(hooks, 'push', { value: push, configurable: true, writable: true, enumerable: false })
}

function nameOf(test: Test): string {
  const names: string[] = []
  for (let each: Block | undefined = test; each?.parent !== undefined; each = each.parent) names.unshift(each.name)
  return names.join(' > ')
}

const circus = findCircus()
/** Of another runner of Jest's nobody knows which test runs: they run one by one. */
let unknownTest: object | undefined
const currentTest = (): object | undefined => circus?.currentlyRunningTest ?? unknownTest

const active = new Guard(
  {
    currentTest,
    isConcurrent: (test) => (test as Test).concurrent === true,
    nameOf: (test) => (test === unknownTest ? 'a test' : nameOf(test as Test)),
  },
  [
    fromEnvironment(process.env),
    // `globals` in Jest's configuration is what `provide` is in Vitest's.
    (globalThis as { proctorGuard?: GuardOptions }).proctorGuard,
  ],
)

beforeEach(async () => {
  unknownTest = circus === undefined ? {} : undefined
  const test = currentTest()
  if (test !== undefined) await active.beginTest(test)
})
afterEach(async () => {
  const test = currentTest()
  if (test !== undefined) await active.endTest(test)
}, patience)
afterAll(() => active.endFile(), patience)
if (circus !== undefined) keepLast(circus.rootDescribeBlock.hooks, 2)

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
