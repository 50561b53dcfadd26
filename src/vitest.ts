import * as vitest from 'vitest'
import { expect, inject, test as base } from 'vitest'
import { now } from './system/poll.js'
import { FixtureProctor, type Proctor, type ProctorOptions, teardownTime } from './fixture/proctor.js'
import type { Workspace } from './command/workspace.js'
import {
  errorsOf,
  type FileLike,
  hasFailedIn,
  identityOf,
  identityOfFile,
  type TaskLike,
} from './fixture/vitest-task.js'
import { matchersWith } from './fixture/matchers.js'
import { screenAttachments } from './fixture/screen-report.js'
import type { SnapshotSupport } from './fixture/screen-expectations.js'
import type { ProctorMatchers } from './fixture/expectations.js'
import { countOnto, describeFailure, type ProctorArtifact, type ProctorMeta } from './fixture/task-report.js'

export { executable, symlink } from './command/workspace.js'
export type { ProctorArtifact, ProctorMeta } from './fixture/task-report.js'
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

/** ms of a test's time that are left to the test when the last wait gives up. */
const margin = 500

interface TestLike {
  readonly task: TaskLike
  readonly onTestFinished: (callback: () => Promise<void>, timeout?: number) => void
  readonly onTestFailed: (callback: () => Promise<void>, timeout?: number) => void
}

/** What Vitest has had since 4.0.11, and since 4.1. */
const { recordArtifact, TestRunner } = vitest as {
  recordArtifact?: (task: object, artifact: ProctorArtifact) => Promise<unknown>
  TestRunner?: { getCurrentTest?: () => { readonly file: FileLike } | undefined }
}

/**
 * The fixtures, to merge into one's own.
 *
 * @example
 * const test = base.extend(fixtures).extend({ server: async ({ run }, use) => { … } })
 */
export const fixtures = {
  proctorOptions: [{} as ProctorOptions, { injected: true }] as unknown as ProctorOptions,

  proctor: async (
    { task, onTestFinished, onTestFailed, proctorOptions }: TestLike & { proctorOptions: ProctorOptions },
    use: (proctor: Proctor) => Promise<void>,
  ): Promise<void> => {
    const begin = now()
    const limit = task.timeout
    const timeLeft = (): number =>
      limit === undefined || limit === 0 || limit === Infinity ? Infinity : begin + limit - margin - now()
    const proctor = await FixtureProctor.create(proctorOptions, { timeLeft, test: identityOf(task) })
    // Those of earlier attempts stay in the list.
    const errorsBefore = task.result?.errors?.length ?? 0
    // Not in this fixture's own clean-up: that has no deadline, and a throw there skips the clean-up of others.
    onTestFinished(async () => {
      try {
        await proctor.teardown({ hasFailed: task.result?.state === 'fail', errors: errorsOf(task, errorsBefore) })
      } finally {
        if (proctor.outcome !== undefined) countOnto(task, proctor.outcome)
      }
    }, teardownTime(proctorOptions))
    // Vitest calls it when the errors of the teardown are known too.
    onTestFailed(async () => {
      if (proctor.outcome === undefined) return
      const artifact = describeFailure(task, proctor.outcome, errorsBefore)
      if (artifact === undefined) return
      artifact.attachments.push(...screenAttachments(proctor.processes))
      await recordArtifact?.(task, artifact)
    })
    await use(proctor)
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
      const proctor = await FixtureProctor.create(inject('proctorOptions') ?? {}, { test: identityOfFile(file) })
      await use(proctor)
      try {
        await proctor.teardown({ hasFailed: hasFailedIn(file) })
      } finally {
        if (file !== undefined && proctor.outcome !== undefined) countOnto(file, proctor.outcome)
      }
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

expect.extend(matchersWith(snapshots))

/** Vitest's `test` with the fixtures `run`, `workspace`, `proctor` and `fileProctor`, made only when a test asks for them. */
export const test = base.extend<ProctorFixtures>(fixtures)

/** Vitest's `expect` with the matchers. */
export { expect }
