import { expect, test as base, type TestAPI } from 'vitest'
import type { ProctorOptions } from './fixture/options.js'
import type { ProctorMatchers } from './matchers/types.js'
import { fixtures, type ProctorFixtures } from './runners/vitest/fixtures.js'
import { matchers } from './runners/vitest/matchers.js'
import type { ProctorMeta } from './runners/vitest/task-meta.js'
import type { ProctorArtifact } from './runners/vitest/task-report.js'

export { executable, json, symlink } from './workspace/file-tree.js'
export { fixtures } from './runners/vitest/fixtures.js'
export type { ProctorFixtures } from './runners/vitest/fixtures.js'
export type { ProctorMeta } from './runners/vitest/task-meta.js'
export type { ProctorArtifact } from './runners/vitest/task-report.js'
export type * from './index.js'

declare module 'vitest' {
  interface ProvidedContext {
    proctorOptions?: ProctorOptions
  }
  interface TaskMeta {
    /** The test's commands: counts, and each command if the test failed. */
    proctor?: ProctorMeta
  }
  interface TestArtifactRegistry {
    'proctor:commands': ProctorArtifact
  }
}

declare global {
  // Vitest 4 and 5 differ in the type parameters of `Matchers`; both extend this interface.
  // eslint-disable-next-line
  namespace Chai {
    interface Assertion extends ProctorMatchers {}
  }
}

expect.extend(matchers)

/**
 * Vitest's `test` with the fixtures `run`, `workspace`, `proctor` and `fileProctor`. They are only made when a test
 * asks for them.
 */
export const test: TestAPI<ProctorFixtures> = base.extend<ProctorFixtures>(fixtures)

/** The same as `test`. */
export const it: typeof test = test

/** Vitest's own `expect`. The matchers are registered on it. */
export { expect }
