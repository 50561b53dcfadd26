import {
  expect as base,
  test as baseTest,
  type Expect,
  type Fixtures,
  type PlaywrightTestArgs,
  type PlaywrightTestOptions,
  type PlaywrightWorkerArgs,
  type PlaywrightWorkerOptions,
  type TestType,
} from '@playwright/test'
import { fixtures, type ProctorFixtures, type ProctorWorkerFixtures } from './runners/playwright/fixtures.js'
import { matchers, type PlaywrightMatchers } from './runners/playwright/matchers.js'

export { executable, json, symlink } from './workspace/file-tree.js'
export type { ProctorFixtures, ProctorWorkerFixtures } from './runners/playwright/fixtures.js'
export type { PlaywrightMatchers } from './runners/playwright/matchers.js'
export type * from './index.js'

/**
 * Playwright's `test` with the fixtures `run`, `workspace`, `proctor` and `workerProctor`. They are only made when a
 * test asks for them. Set options with `test.use({ proctorOptions: { … } })`.
 *
 * @example
 * test('the page greets', async ({ run, page }) => {
 *   const server = run('node', ['server.mjs'])
 *   await page.goto(`http://localhost:${await server.waitForPort()}`)
 * })
 */
export const test: TestType<
  PlaywrightTestArgs & PlaywrightTestOptions & ProctorFixtures,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions & ProctorWorkerFixtures
> = baseTest.extend<ProctorFixtures, ProctorWorkerFixtures>(
  fixtures as unknown as Fixtures<
    ProctorFixtures,
    ProctorWorkerFixtures,
    PlaywrightTestArgs & PlaywrightTestOptions,
    PlaywrightWorkerArgs & PlaywrightWorkerOptions
  >,
)

/** Playwright's `expect` with the matchers that keep no snapshots. They are all async: await them. */
export const expect: Expect<PlaywrightMatchers> = base.extend(matchers)
