import type { OutputMark } from 'proctor'
import { expect, type TerminalProcess, test } from 'proctor/vitest'
import { inRoot } from '../inner-run.js'
import { findByCommandLine, uniqueNumber } from '../machine.js'

// The one server of a run, with a person at the runner's terminal. The test reads /proc itself.

const patience = { timeout: 30_000 }

/** The server that the test of the latest run has met. */
async function meet(runner: TerminalProcess, since?: OutputMark): Promise<string> {
  const [, pid] = await runner.waitForOutput(/met (\d+)/, { ...(since === undefined ? {} : { since }), ...patience })
  return pid!
}

/** With CI set, a runner does not take its terminal for a person's. */
const byPerson = { CI: undefined, GITHUB_ACTIONS: undefined }
const size = { columns: 120, rows: 40 }

test('vitest --watch keeps it, and starts it anew when a person has ended it', { timeout: 60_000 }, async ({ run }) => {
  const number = uniqueNumber()
  const vitest = run('node', [inRoot('node_modules/vitest/vitest.mjs'), '--watch', '--no-color', 'one.test.ts'], {
    cwd: inRoot('fixtures/suites/server'),
    env: { ...byPerson, SUITE_NUMBER: number },
    terminal: size,
  })
  const again = async (): Promise<string> => {
    await vitest.waitForOutput('press h to show help', { since: mark, ...patience })
    mark = vitest.mark()
    await vitest.press('a')
    return meet(vitest, mark)
  }
  let mark = vitest.mark()
  const first = await meet(vitest)
  expect(await again()).toBe(first)
  process.kill(Number(first), 'SIGTERM')
  await expect.poll(() => findByCommandLine(number)).toEqual([])
  const second = await again()
  expect(second).not.toBe(first)
  await vitest.waitForOutput('press h to show help', { since: mark, ...patience })
  await vitest.press('q')
  await vitest.waitForExit(patience)
  expect(findByCommandLine(number)).toEqual([])
})

test('jest --watchAll gives each run its own', { timeout: 60_000 }, async ({ run }) => {
  const number = uniqueNumber()
  const jest = run('node', [inRoot('node_modules/jest/bin/jest.js'), '--watchAll', 'one.test.cjs'], {
    cwd: inRoot('fixtures/suites/server-jest'),
    env: { ...byPerson, SUITE_NUMBER: number },
    terminal: size,
  })
  const first = await meet(jest)
  await jest.waitForOutput('Watch Usage', patience)
  const mark = jest.mark()
  await jest.press('Enter')
  expect(await meet(jest, mark)).not.toBe(first)
  await jest.waitForOutput('Watch Usage', { since: mark, ...patience })
  await jest.press('q')
  await jest.waitForExit(patience)
  expect(findByCommandLine(number)).toEqual([])
})
