import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { relative } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inRoot, runVitest } from '../inner-run.js'

/** A copy of the suite beside it, which the test may write to. */
function copyOfSuite(): string {
  const folder = mkdtempSync(inRoot('fixtures/suites/.late-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(inRoot('fixtures/suites/late'), folder, { recursive: true })
  return relative(inRoot('fixtures/suites'), folder)
}

test('a screen that is redrawn after a key, or a new size: a first snapshot waits for it, a stored one is waited for', async () => {
  const suite = copyOfSuite()
  const args = ['--testNamePattern', '^late', 'late.test.ts']

  await runVitest(suite, { args, env: { LATE: '250' } })
  const stored = readFileSync(inRoot(`fixtures/suites/${suite}/__snapshots__/late.test.ts.snap`), 'utf8')
  expect(stored.match(/"(?:before|after) the key"/g)).toEqual(['"after the key"', '"after the key"'])
  expect(stored.match(/"after [abc]"|"\d+ wide"/g)).toEqual(['"32 wide"', '"after c"'])
  expect(readFileSync(inRoot(`fixtures/suites/${suite}/late.test.ts`), 'utf8')).toContain(
    'toMatchScreenInlineSnapshot(`"after the key"`)',
  )

  const { output, exitCode } = await runVitest(suite, { args, env: { LATE: '1500', CI: '1' } })
  expect(output).toMatch(/Tests {2}4 passed/)
  expect(exitCode).toBe(0)
}, 60_000)
