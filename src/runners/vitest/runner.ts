import * as vitest from 'vitest'
import type { File, Task } from './task.js'

// The parts of Vitest that this package uses and not every supported version has. They are read from the module's
// namespace, because importing a missing name would fail the whole file. Tried on Vitest 3.2, 4.1 and 5.

/** The common part of `test.extend` in all versions. */
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

/** The class whose instance runs a worker's tests. */
export interface RunnerClass {
  readonly prototype: {
    importFile?: (path: string, source: string) => unknown
    onCollectStart?: (file: unknown) => unknown
  }
  getCurrentTest?(): Task | undefined
  getSuiteHooks?(suite: unknown): { readonly aroundEach?: readonly unknown[] } | undefined
}

export const { recordArtifact, TestRunner, aroundAll, Snapshots, chai } = vitest as unknown as Optional

/** The running test. Vitest 3.2 does not tell it here. */
export const currentTest = (): Task | undefined => TestRunner?.getCurrentTest?.()

/** Makes a function that returns the running test. Vitest 3.2, and no other version, has it in `vitest/suite`. */
export async function importCurrentTest(): Promise<typeof currentTest> {
  if (TestRunner !== undefined) return currentTest
  // The name is put together at run time. Otherwise Vite would look for the module in newer versions, too.
  const suiteModule = ['vitest', 'suite'].join('/')
  const suite = (await import(/* @vite-ignore */ suiteModule)) as { getCurrentTest: typeof currentTest }
  return () => suite.getCurrentTest()
}

/** Calls a hook once everything else of the file is over. */
export function afterFile(hook: () => Promise<void>, timeout: number): void {
  // Around everything: the file's hooks and fixtures have ended what they held by then.
  if (aroundAll === undefined) return vitest.beforeAll(() => hook, timeout)
  aroundAll(async (run) => {
    await run()
    await hook()
  }, timeout)
}

/** The block around a block. The file is above the outermost `describe`. */
const blockAbove = (block: Task): Task | undefined => block.suite ?? (block.file === block ? undefined : block.file)

/** Whether one of the user's `aroundEach` hooks is around this test. It ends later than everything else of the test. */
export function isSurrounded(task: Task): boolean {
  for (let block: Task | File | undefined = task.suite ?? task.file; block !== undefined; block = blockAbove(block)) {
    if ((TestRunner?.getSuiteHooks?.(block)?.aroundEach?.length ?? 0) > 0) return true
  }
  return false
}
