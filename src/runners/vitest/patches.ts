import type { RunnerClass, TestApi } from './runner.js'
import type { Task } from './task.js'

// All changes that this package makes to Vitest, where there is no public way. Tried on Vitest 3.2.7, 4.0.18, 4.1.12
// and 5.1.1. A version that lacks what is changed here is left as it is.

/**
 * Moves the callback last given to `onTestFinished` behind all others. Vitest calls the callbacks of a test in reverse
 * order, and sets up a test's fixtures before its hooks.
 */
export function finishLast({ onFinished = [] }: Task): void {
  if (onFinished.length > 1) onFinished.unshift(onFinished.pop())
}

// Vitest inverts the outcome of a test with `test.fails` after all of its hooks. Such a test waits for a failure of the
// code under test. A leak is not that, and must not make it pass.
/** The repeat in which the expectation was taken back. */
const takenIn = new WeakMap<Task, number>()

const repeatOf = ({ result }: Task): number => result?.repeatCount ?? 0

/**
 * Called when the next attempt at a test begins. A retry replaces the attempt before it, so its failure is expected
 * again. A repeat does not: a leak in one repeat fails the test, whatever the next one does.
 */
export function expectFailureAgain(test: Task): void {
  if (takenIn.get(test) !== repeatOf(test)) return
  takenIn.delete(test)
  test.fails = true
}

/** From here on, any error fails the test, even with `test.fails`. */
export function expectNoFailure(test: Task): void {
  if (test.fails !== true) return
  test.fails = false
  takenIn.set(test, repeatOf(test))
}

/** Is told when files begin. */
interface FileListener {
  /** Called when Vitest begins to collect a test file. */
  readonly onCollect: () => void
  /** Called when Vitest imports a setup file, which it does for each test file. */
  readonly onSetupFile: () => void
}

/** Listens to this worker's runner. `importFile` exists since Vitest 4.1. */
export function listenToFiles({ prototype }: RunnerClass, { onCollect, onSetupFile }: FileListener): void {
  const { importFile, onCollectStart } = prototype
  if (importFile === undefined || onCollectStart === undefined) return
  prototype.onCollectStart = function (file) {
    onCollect()
    return onCollectStart.call(this, file)
  }
  prototype.importFile = function (path, source) {
    if (source === 'setup') onSetupFile()
    return importFile.call(this, path, source)
  }
}

export type Scope = 'file' | 'worker'
type Fixture = (...parameters: unknown[]) => unknown
/** Called when a shared fixture is about to be set up. The returned function is called when that is done. */
type SetupListener = (scope: Scope) => () => void

const isPatched = Symbol.for('proctor.guard.announced.1')

const scopeOf = (options: unknown): Scope | undefined => {
  const scope = (options as { scope?: unknown } | null | undefined)?.scope
  return scope === 'file' || scope === 'worker' ? scope : undefined
}

/**
 * Wraps a fixture so that it announces its set-up. The source text must stay readable: Vitest finds the fixtures that
 * it uses in there.
 */
function announced(fixture: unknown, scope: Scope | undefined, onSetup: SetupListener): unknown {
  if (scope === undefined || typeof fixture !== 'function') return fixture
  const announcing = async (context: unknown, use: unknown): Promise<unknown> => {
    const done = onSetup(scope)
    const useOnceDone = (value: unknown): unknown => {
      done()
      return (use as Fixture)(value)
    }
    try {
      return await (fixture as Fixture)(context, typeof use === 'function' ? useOnceDone : use)
    } finally {
      done()
    }
  }
  announcing.toString = () => (fixture as { toString(): string }).toString()
  return announcing
}

/** The parameters of `extend`, in its object form or its builder form, with the fixtures wrapped. */
function announceAll(parameters: readonly unknown[], onSetup: SetupListener): readonly unknown[] {
  const [first, second, third] = parameters
  if (typeof first === 'string') {
    return parameters.length > 2 ? [first, second, announced(third, scopeOf(second), onSetup)] : parameters
  }
  if (typeof first !== 'object' || first === null) return parameters
  const entries = Object.entries(first).map(([name, definition]: [string, unknown]) => {
    const scope = Array.isArray(definition) ? scopeOf(definition[1]) : undefined
    if (scope === undefined) return [name, definition]
    const [fixture, ...options] = definition as unknown[]
    return [name, [announced(fixture, scope, onSetup), ...options]]
  })
  return [Object.fromEntries(entries), ...parameters.slice(1)]
}

/** Listens to the set-up of every fixture with the scope `file` or `worker` that extends this `test`. */
export function listenToSharedFixtures(api: TestApi, onSetup: SetupListener): void {
  const shelf = api as TestApi & { [isPatched]?: true }
  if (shelf[isPatched] === true) return
  shelf[isPatched] = true
  const { extend } = api
  api.extend = function (...parameters) {
    const extended = extend.apply(this, [...announceAll(parameters, onSetup)])
    listenToSharedFixtures(extended, onSetup)
    return extended
  }
}

/** The used part of Vitest's interface for coverage providers. */
export interface CoverageProvider {
  readonly name: string
  generateCoverage: (context: unknown) => unknown
  onAfterSuiteRun(meta: object): unknown
}

/** Calls `act` before each report is made, and calls what that returns once the report is made. */
export function beforeCoverageReport(provider: CoverageProvider, act: () => Promise<() => void>): void {
  const { generateCoverage } = provider
  provider.generateCoverage = async (context) => {
    const afterwards = await act()
    try {
      return await generateCoverage.call(provider, context)
    } finally {
      afterwards()
    }
  }
}
