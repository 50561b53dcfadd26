import * as vitest from 'vitest'
import type { File, Task } from './task.js'

// What this package uses of Vitest that not every supported version has. It is read from the module's namespace: an
// import by name of what is not there would fail the whole file. Tried on Vitest 3.2, 4.1 and 5.

/** What `test.extend` of every version has in common. */
export interface TestApi {
  extend: (...parameters: unknown[]) => TestApi
}

interface Optional {
  /** Since 4.0.11. */
  readonly recordArtifact?: (task: object, artifact: object) => Promise<unknown>
  /** Since 4.1. */
  readonly TestRunner?: RunnerClass
  /** Since 4.1. */
  readonly aroundAll?: (hook: (run: () => Promise<void>) => Promise<void>, timeout?: number) => void
  /** Since 4.1. */
  readonly Snapshots?: object
  readonly chai?: { util: { flag(assertion: object, name: string, value: unknown): void } }
}

/** The class whose instance runs the tests of a worker. */
export interface RunnerClass {
  readonly prototype: {
    importFile?: (path: string, source: string) => unknown
    onCollectStart?: (file: unknown) => unknown
  }
  getCurrentTest?(): Task | undefined
  getSuiteHooks?(suite: unknown): { readonly aroundEach?: readonly unknown[] } | undefined
}

export const { recordArtifact, TestRunner, aroundAll, Snapshots, chai } = vitest as unknown as Optional

/** The test that runs now. Vitest 3.2 does not tell it here. */
export const currentTest = (): Task | undefined => TestRunner?.getCurrentTest?.()

/** Where Vitest 3.2, and no other version, tells the test that runs. */
export async function importCurrentTest(): Promise<typeof currentTest> {
  if (TestRunner !== undefined) return currentTest
  // Not as a literal, nor as what a bundler makes one of: Vite looks for it in newer versions too.
  const suiteModule = ['vitest', 'suite'].join('/')
  const suite = (await import(/* @vite-ignore */ suiteModule)) as { getCurrentTest: typeof currentTest }
  return () => suite.getCurrentTest()
}

/** Calls a hook once everything else of the file is over. */
export function afterFile(hook: () => Promise<void>, timeout: number): void {
  // Around everything: by then the file's hooks and fixtures have let go of what they held.
  if (aroundAll === undefined) return vitest.beforeAll(() => hook, timeout)
  aroundAll(async (run) => {
    await run()
    await hook()
  }, timeout)
}

/** The block around a block. The file is above the outermost `describe`. */
const blockAbove = (block: Task): Task | undefined => block.suite ?? (block.file === block ? undefined : block.file)

/** Whether one of the user's `aroundEach` goes around this test: it ends later than everything else of the test. */
export function isSurrounded(task: Task): boolean {
  for (let block: Task | File | undefined = task.suite ?? task.file; block !== undefined; block = blockAbove(block)) {
    if ((TestRunner?.getSuiteHooks?.(block)?.aroundEach?.length ?? 0) > 0) return true
  }
  return false
}
