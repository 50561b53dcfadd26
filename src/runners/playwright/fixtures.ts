import type { ProctorOptions } from '../../fixture/options.js'
import type { Proctor, Run } from '../../fixture/types.js'
import type { Workspace } from '../../workspace/workspace.js'
import type { TestInfo } from './test-info.js'

/** The fixtures of `proctor/playwright` for a test. */
export interface ProctorFixtures {
  /** Options of this test's fixture: `test.use({ proctorOptions: { grace: 50 } })`, or `use` in the configuration. */
  proctorOptions: ProctorOptions
  /** `run` and `workspace`, every command that was started, and an early `teardown()`. */
  proctor: Proctor
  /** The temporary folder of this test, in which its commands run. It is removed once they are proven dead. */
  workspace: Workspace
  /**
   * Starts a program at once, with its cwd in the workspace. When the test ends, its whole tree is dead, or the test
   * fails.
   *
   * @example
   * const server = run('node', ['server.mjs'])
   * await page.goto(`http://localhost:${await server.waitForPort()}`)
   */
  run: Run
}

/** The fixtures of `proctor/playwright` for a worker. */
export interface ProctorWorkerFixtures {
  /** Options of `workerProctor`: `use` in the configuration, or `test.use` at the top of a file. */
  workerProctorOptions: ProctorOptions
  /**
   * The same as `proctor`, but for a whole worker: one server that many tests share.
   *
   * @example
   * test('answers', async ({ workerProctor }) => {
   *   const server = workerProctor.processes[0] ?? workerProctor.run('node', ['server.mjs'])
   * })
   */
  workerProctor: Proctor
}

type Use<Value> = (value: Value) => Promise<void>

/** ms, instead of the test's own timeout. Our clean-up has its own deadlines, and its findings must be reported. */
const timeout = 120_000

/** For `test.extend`. Playwright reads the source text of a fixture for the names of the fixtures that it uses. */
export const fixtures = {
  proctorOptions: [{} as ProctorOptions, { option: true }],

  proctor: [
    async (
      { proctorOptions }: { proctorOptions: ProctorOptions },
      use: Use<Proctor>,
      test: TestInfo,
    ): Promise<void> => {
      const { provideProctor } = await import('./provide.js')
      await provideProctor(proctorOptions, use, test)
    },
    { timeout },
  ],

  workspace: async ({ proctor }: { proctor: Proctor }, use: Use<Workspace>): Promise<void> => {
    await use(proctor.workspace)
  },

  run: async ({ proctor }: { proctor: Proctor }, use: Use<Run>): Promise<void> => {
    await use(proctor.run)
  },

  workerProctorOptions: [{} as ProctorOptions, { option: true, scope: 'worker' }],

  workerProctor: [
    async ({ workerProctorOptions }: { workerProctorOptions: ProctorOptions }, use: Use<Proctor>): Promise<void> => {
      const { provideWorkerProctor } = await import('./provide.js')
      await provideWorkerProctor(workerProctorOptions, use)
    },
    { scope: 'worker', timeout },
  ],
} as const
