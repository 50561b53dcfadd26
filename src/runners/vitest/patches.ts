import type { RunnerClass, TestApi } from './runner.js'
import type { Task } from './task.js'

// Every place where this package changes something of Vitest's, because there is no public way. Tried on Vitest 3.2.7,
// 4.0.18, 4.1.12 and 5.1.1; where a version lacks what is changed here, it is left as it is.

/**
 * Moves what was given to `onTestFinished` last behind everything else: Vitest calls the callbacks of a test in reverse
 * order, and a test's fixtures were set up before its hooks.
 */
export function finishLast({ onFinished = [] }: Task): void {
  if (onFinished.length > 1) onFinished.unshift(onFinished.pop())
}

// `test.fails` turns the outcome of a test of Vitest's round when all of its hooks have run. It waits for a failure of
// the code under test: a process that was left behind is none, and must not make such a test pass.
/** In which repeat the expectation was taken back. */
const takenIn = new WeakMap<Task, number>()

const repeatOf = ({ result }: Task): number => result?.repeatCount ?? 0

/**
 * The next attempt at a test begins. A retry stands for the attempt before it: its failure is expected again. A repeat
 * does not: what was left behind in one of them fails the test, whatever comes of the next.
 */
export function expectFailureAgain(test: Task): void {
  if (takenIn.get(test) !== repeatOf(test)) return
  takenIn.delete(test)
  test.fails = true
}

/** Whatever is thrown from here on fails the test, also a `test.fails`. */
export function expectNoFailure(test: Task): void {
  if (test.fails !== true) return
  test.fails = false
  takenIn.set(test, repeatOf(test))
}

/** Who hears when files begin. */
interface FileListener {
  /** Vitest begins to collect a test file. */
  readonly onCollect: () => void
  /** Vitest imports a setup file, for each test file anew. */
  readonly onSetupFile: () => void
}

/** Listens to the runner of this worker. `importFile` is there since Vitest 4.1. */
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
/** Called when a shared fixture is about to be set up. What it returns is called when that is done. */
type SetupListener = (scope: Scope) => () => void

const isPatched = Symbol.for('proctor.guard.announced.1')

const scopeOf = (options: unknown): Scope | undefined => {
  const scope = (options as { scope?: unknown } | null | undefined)?.scope
  return scope === 'file' || scope === 'worker' ? scope : undefined
}

/** The same fixture, announcing its set-up. Vitest reads the names that a fixture asks for in the fixture's text. */
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

/** The parameters of `extend`, in its object form and in its builder form, with announcing fixtures. */
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

/** Listens to the set-up of every fixture of the scopes `file` and `worker` that extends this `test`. */
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

/** What is used of Vitest's provider of coverage: of its interface for providers of one's own. */
export interface CoverageProvider {
  readonly name: string
  generateCoverage: (context: unknown) => unknown
  onAfterSuiteRun(meta: object): unknown
}

/** Acts before each report is made, and again, by what it returns, when it has been made. */
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
