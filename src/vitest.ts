import * as vitest from 'vitest'
import { expect, inject, test as base } from 'vitest'
import type { Workspace } from './workspace/workspace.js'
import type { MatcherResult, ProctorMatchers } from './matchers/life.js'
import type { Proctor } from './fixture/proctor.js'
import type { ProctorOptions } from './fixture/options.js'
import type { SnapshotSupport } from './matchers/screen.js'
import type { ProctorMeta } from './runners/vitest/task-meta.js'
import type { ProctorArtifact } from './runners/vitest/task-report.js'
import type * as VitestFixtures from './runners/vitest/fixtures.js'
import type { FileLike } from './runners/vitest/task.js'

export { executable, symlink } from './workspace/file-tree.js'
export type { ProctorMeta } from './runners/vitest/task-meta.js'
export type { ProctorArtifact } from './runners/vitest/task-report.js'
export type * from './index.js'

/** What `proctor/vitest` adds to a test's context. */
export interface ProctorFixtures {
  /** Options of this test's fixture: `test.override({ proctorOptions: { grace: 50 } })`, or `provide` in the configuration. */
  proctorOptions: ProctorOptions
  proctor: Proctor
  workspace: Workspace
  run: Proctor['run']
  /** The same with the file's life: one server that many tests share. Options come from `provide`. */
  fileProctor: Proctor
}

declare module 'vitest' {
  interface ProvidedContext {
    proctorOptions?: ProctorOptions
  }
  interface TaskMeta {
    /** What the test's commands were: counts, and each command when the test failed. */
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

/** What Vitest has had since 4.0.11, and since 4.1. */
const { recordArtifact, TestRunner } = vitest as unknown as {
  recordArtifact?: VitestFixtures.RecordArtifact
  TestRunner?: { getCurrentTest?: () => { readonly file: FileLike } | undefined }
}

let loaded: typeof VitestFixtures | undefined

/** All else is loaded with the first fixture: a worker that runs no command does without. */
const load = async (): Promise<typeof VitestFixtures> => (loaded ??= await import('./runners/vitest/fixtures.js'))

/**
 * The fixtures, to merge into one's own.
 *
 * @example
 * const test = base.extend(fixtures).extend({ server: async ({ run }, use) => { … } })
 */
export const fixtures = {
  proctorOptions: [{} as ProctorOptions, { injected: true }] as unknown as ProctorOptions,

  proctor: async (
    {
      task,
      onTestFinished,
      onTestFailed,
      proctorOptions,
    }: VitestFixtures.TestContext & { proctorOptions: ProctorOptions },
    use: (proctor: Proctor) => Promise<void>,
  ): Promise<void> => {
    const { provideProctor } = await load()
    await provideProctor({ task, onTestFinished, onTestFailed }, proctorOptions, recordArtifact, use)
  },

  workspace: async ({ proctor }: { proctor: Proctor }, use: (workspace: Workspace) => Promise<void>): Promise<void> => {
    await use(proctor.workspace)
  },

  run: async ({ proctor }: { proctor: Proctor }, use: (run: Proctor['run']) => Promise<void>): Promise<void> => {
    await use(proctor.run.bind(proctor) as Proctor['run'])
  },

  fileProctor: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use: (proctor: Proctor) => Promise<void>): Promise<void> => {
      // The first test that asks for it is running: of a file's own fixture Vitest does not tell the file.
      const file = TestRunner?.getCurrentTest?.()?.file
      const { provideFileProctor } = await load()
      await provideFileProctor(file, inject('proctorOptions') ?? {}, use)
    },
    { scope: 'file' },
  ] as unknown as Proctor,
}

/** Vitest has had what snapshot matchers are made of since 4.1; before, a snapshot is taken as if the test took it. */
const { Snapshots, chai } = vitest as unknown as {
  Snapshots?: SnapshotSupport
  chai?: { util: { flag(assertion: object, name: string, value: unknown): void } }
}
const snapshots: SnapshotSupport = Snapshots
  ? {
      ...Snapshots,
      rememberPlace(this: { readonly assertion: object }) {
        chai?.util.flag(this.assertion, 'error', new Error('snapshot'))
      },
    }
  : {
      toMatchSnapshot(text, hint) {
        // oxlint-disable-next-line vitest/no-standalone-expect -- a test's matcher calls it.
        expect(text).toMatchSnapshot(hint)
        return { pass: true, message: () => '' }
      },
    }

type Matchers = ReturnType<typeof VitestFixtures.matchersWith>

let matchers: Matchers | undefined

/** A matcher that is loaded when it is called; at once where a fixture has loaded it, as what is called in time must be. */
function onDemand(name: keyof Matchers): (this: unknown, ...received: unknown[]) => Promise<MatcherResult> {
  return function (...received) {
    const call = ({ matchersWith }: typeof VitestFixtures): Promise<MatcherResult> => {
      matchers ??= matchersWith(snapshots)
      return Reflect.apply(matchers[name], this, received) as Promise<MatcherResult>
    }
    return loaded === undefined ? load().then(call) : call(loaded)
  }
}

const onDemands: Readonly<Record<keyof Matchers, ReturnType<typeof onDemand>>> = {
  toBeAlive: onDemand('toBeAlive'),
  toBeDead: onDemand('toBeDead'),
  toHaveExitedWith: onDemand('toHaveExitedWith'),
  toHaveOutput: onDemand('toHaveOutput'),
  toHaveScreen: onDemand('toHaveScreen'),
  toMatchScreenInlineSnapshot: onDemand('toMatchScreenInlineSnapshot'),
  toMatchScreenSnapshot: onDemand('toMatchScreenSnapshot'),
  toThrowAlreadyExited: onDemand('toThrowAlreadyExited'),
  toThrowFailedExit: onDemand('toThrowFailedExit'),
  toThrowUnexpectedExit: onDemand('toThrowUnexpectedExit'),
}

expect.extend(onDemands)

/** Vitest's `test` with the fixtures `run`, `workspace`, `proctor` and `fileProctor`, made only when a test asks for them. */
export const test = base.extend<ProctorFixtures>(fixtures)

/** Vitest's `expect` with the matchers. */
export { expect }
