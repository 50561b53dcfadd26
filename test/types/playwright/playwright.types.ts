// Compiled, never run: the types of `proctor/playwright`.
import { defineConfig, mergeExpects, mergeTests, test as base, type Page } from '@playwright/test'
import { expect, type Proctor, type ProctorFixtures, type ProctorOptions, type Run, test } from 'proctor/playwright'
import { expectTypeOf } from 'vitest'

test.use({ proctorOptions: { grace: 50, allow: [/gradle/] } })
// @ts-expect-error -- no such option.
test.use({ proctorOptions: { graze: 50 } })

export default defineConfig<ProctorFixtures>({ use: { proctorOptions: { trace: 'on-failure' } } })

test('fixtures are typed', async ({ run, workspace, proctor, workerProctor, proctorOptions, page }) => {
  expectTypeOf(run).toEqualTypeOf<Run>()
  expectTypeOf(proctor).toEqualTypeOf<Proctor>()
  expectTypeOf(workerProctor).toEqualTypeOf<Proctor>()
  expectTypeOf(proctorOptions).toEqualTypeOf<ProctorOptions>()
  expectTypeOf(page).toEqualTypeOf<Page>()
  await workspace.write('a.txt', 'text')
})

test('matchers are typed, beside Playwright’s own', async ({ run, page }) => {
  const server = run('node', ['server.mjs'])
  expectTypeOf(expect(server).toBeDead('server.pid')).toEqualTypeOf<Promise<void>>()
  await expect(server).not.toHaveOutput('error', { timeout: 100 })
  await expect(server).toHaveExitedWith('SIGTERM')
  await expect(() => server.kill()).toThrowUnexpectedExit('text')
  await expect(page).toHaveTitle('title')
  expect(1).toBe(1)
  // @ts-expect-error -- a text or a regular expression.
  await expect(server).toHaveOutput(3)
  // @ts-expect-error -- Playwright keeps snapshots in another way.
  await expect(server).toMatchScreenSnapshot()
})

const merged = mergeTests(base.extend<{ own: string }>({ own: 'own' }), test)
merged('merges', async ({ own, run }) => {
  expectTypeOf(own).toEqualTypeOf<string>()
  await mergeExpects(expect)(run('true')).toHaveExitedWith(0)
})
