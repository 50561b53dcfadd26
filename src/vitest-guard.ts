import * as vitest from 'vitest'
import { expectFailureAgain, expectNoFailure } from './runners/vitest/expected-failure.js'
import { Guard } from './guard/guard.js'
import type { GuardOptions } from './guard/options.js'

export type { GuardOptions } from './guard/options.js'
export type { GuardFinding, GuardOrigin, GuardReport } from './guard/report.js'

declare module 'vitest' {
  interface ProvidedContext {
    proctorGuard?: GuardOptions
  }
}

interface Task {
  readonly name: string
  readonly concurrent?: boolean
  readonly suite?: Task
  readonly file?: Task
  readonly fullTestName?: string
  readonly result?: { readonly state?: string }
  fails?: boolean | undefined
  onFinished?: unknown[]
}

interface Hooks {
  readonly aroundEach?: readonly unknown[]
}

/** What is not in every version of Vitest that is supported. */
interface Runner {
  readonly prototype: {
    importFile?: (path: string, source: string) => unknown
    onCollectStart?: (file: unknown) => unknown
  }
  getCurrentTest?(): Task | undefined
  getSuiteHooks?(suite: unknown): Hooks | undefined
}
type AroundAll = (hook: (run: () => Promise<void>) => Promise<void>, timeout?: number) => void
const optional = vitest as unknown as { readonly TestRunner?: Runner; readonly aroundAll?: AroundAll }
const runnerClass = optional.TestRunner

/** ms in which a look at the end must be over, whatever happens, on top of `leakTimeout`. */
const patience = 30_000

interface Suite {
  getCurrentTest(): Task | undefined
}
// Vitest 3.2 alone has it. Not as a literal, nor what a bundler makes one of: Vite looks for that in newer versions too.
const suiteModule = ['vitest', 'suite'].join('/')
const suite = runnerClass === undefined ? ((await import(/* @vite-ignore */ suiteModule)) as Suite) : undefined
const currentTest = (): Task | undefined => runnerClass?.getCurrentTest?.() ?? suite?.getCurrentTest()

const nameOf = (task: Task): string => {
  const names: string[] = []
  for (let each: Task | undefined = task; each !== undefined && each.name !== ''; each = each.suite) {
    names.unshift(each.name)
  }
  return names.join(' > ')
}

/** The file is above the outermost `describe`. */
const blockAbove = (block: Task): Task | undefined => (block.file === block ? undefined : block.file)

/** Whether a hook of the user's goes around this test, and ends later than everything else of it. */
function isSurrounded(task: Task): boolean {
  for (let block = task.suite ?? task.file; block !== undefined; block = block.suite ?? blockAbove(block)) {
    if ((runnerClass?.getSuiteHooks?.(block)?.aroundEach?.length ?? 0) > 0) return true
  }
  return false
}

/** Begins to guard the file that is being collected. */
function begin(): Guard {
  const begun = new Guard(
    {
      currentTest,
      isConcurrent: (task) => (task as Task).concurrent === true,
      nameOf: (task) => nameOf(task as Task),
    },
    vitest.inject('proctorGuard'),
  )
  // Around everything: what a hook or a fixture of the file holds is let go of before.
  if (optional.aroundAll !== undefined) {
    optional.aroundAll(async (run) => {
      await run()
      await end(begun)
    }, patience)
  } else {
    vitest.beforeAll(() => () => end(begun), patience)
  }
  let lastBlock: Task | undefined
  vitest.beforeEach(({ task, onTestFinished }) => {
    const own = task as unknown as Task
    if (own.fails === false) expectFailureAgain(own)
    onTestFinished(() => endTest(begun, own), patience)
    // They run in reverse order, and fixtures have been set up before this hook: first in the list is last.
    const { onFinished = [] } = own
    if (onFinished.length > 1) onFinished.unshift(onFinished.pop())
    const block = own.suite ?? own.file
    const terms = { isDeferred: isSurrounded(own), isNext: block === lastBlock && own.concurrent !== true }
    lastBlock = block
    return begun.beginTest(task, terms) as Promise<void>
  })
  return begun
}

/** The error of a test that has skipped itself is dropped: the file answers for it. */
function endTest(begun: Guard, task: Task): Promise<void> | undefined {
  if (task.result?.state === 'skip') return begun.deferTest(task)
  return begun.endTest(task)?.catch((error: unknown) => {
    expectNoFailure(task)
    throw error
  })
}

async function end(begun: Guard): Promise<void> {
  if (shared.active === begun) shared.active = undefined
  await begun.endFile()
}

type Scope = 'file' | 'worker'
type Fixture = (...parameters: unknown[]) => unknown
type Extend = (...parameters: unknown[]) => { extend: Extend }

const scopeOf = (options: unknown): Scope | undefined => {
  const scope = (options as { scope?: unknown } | null | undefined)?.scope
  return scope === 'file' || scope === 'worker' ? scope : undefined
}

/** The same fixture, which says when it is being set up. Vitest reads the names that it asks for in its text. */
function toldOf(fixture: unknown, scope: Scope | undefined): unknown {
  if (scope === undefined || typeof fixture !== 'function') return fixture
  const teller = async (context: unknown, use: unknown): Promise<unknown> => {
    const done = shared.active?.beginShared(scope) ?? ((): void => {})
    const toldUse = (value: unknown): unknown => {
      done()
      return (use as Fixture)(value)
    }
    try {
      return await (fixture as Fixture)(context, typeof use === 'function' ? toldUse : use)
    } finally {
      done()
    }
  }
  teller.toString = () => (fixture as { toString(): string }).toString()
  return teller
}

const told = Symbol.for('proctor.guard.told.1')

/** What one test sets up first, and the file or the worker keeps, is not that test's. */
function hearOfShared(api: { extend: Extend; [told]?: true }): void {
  if (api[told] === true) return
  api[told] = true
  const { extend } = api
  api.extend = function (...parameters) {
    const [first, second, third] = parameters
    let passed = parameters
    if (typeof first === 'string') {
      if (parameters.length > 2) passed = [first, second, toldOf(third, scopeOf(second))]
    } else if (typeof first === 'object' && first !== null) {
      const entries = Object.entries(first).map(([name, definition]: [string, unknown]) =>
        Array.isArray(definition) && scopeOf(definition[1]) !== undefined
          ? [name, [toldOf(definition[0], scopeOf(definition[1])), ...(definition as unknown[]).slice(1)]]
          : [name, definition],
      )
      passed = [Object.fromEntries(entries), ...parameters.slice(1)]
    }
    const extended = extend.apply(this, passed)
    hearOfShared(extended)
    return extended
  }
}
hearOfShared(vitest.test as unknown as { extend: Extend })

/**
 * Sets options: in one's own setup file or at the top of a test file for the file, inside a test for that test.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * // vitest.setup.ts
 * import { guard } from 'proctor/vitest/guard'
 * guard({ mode: 'warn', allow: [/gradle/] })
 */
export function guard(options: GuardOptions = {}): void {
  shared.active ??= begin()
  shared.active.say(options)
}

// Without isolation, one's own setup file is run for each test file, and what it imports only once: then the hooks of
// the files after the first are registered here. Vitest runs a setup file that is this module itself each time.
interface Shared {
  active: Guard | undefined
}

function share({ prototype }: Runner): Shared {
  const key = Symbol.for('proctor.guard.1')
  const shelf = prototype as unknown as Record<symbol, Shared | undefined>
  const known = shelf[key]
  if (known !== undefined) return known
  const own: Shared = { active: undefined }
  shelf[key] = own
  const { importFile, onCollectStart } = prototype
  if (importFile === undefined || onCollectStart === undefined) return own
  prototype.onCollectStart = function (file) {
    // Of a file none of whose tests ran, no hook did.
    own.active?.abandon()
    own.active = undefined
    return onCollectStart.call(this, file)
  }
  prototype.importFile = function (path, source) {
    if (source === 'setup') own.active ??= begin()
    return importFile.call(this, path, source)
  }
  return own
}

const shared = runnerClass === undefined ? { active: undefined as Guard | undefined } : share(runnerClass)
shared.active ??= begin()
