import { proctor } from 'proctor/vitest/plugin'
import { describe, expect, test } from 'vitest'
import { inRoot, runVitest, startInner } from '../inner-run.js'
import { endByCommandLine, findByCommandLine, uniqueNumber } from '../machine.js'

const vitestCli = inRoot('node_modules/vitest/vitest.mjs')

describe('one line for guard, global set-up, reporter and options', { timeout: 120_000 }, () => {
  test('in projects of several pools, whatever they take from the root', async () => {
    const number = uniqueNumber()
    const { exitCode, output } = await runVitest('plugin', { env: { SUITE_NUMBER: number } })
    const lines = output
      .match(/^ [✓×] .*$/gm)
      ?.map((line) => line.replace(/ \d+ms$/, ''))
      .toSorted()
    const verdicts = (project: string): string[] => [
      ` × |${project}| plugin.test.ts > leaves a daemon of a command`,
      ` × |${project}| plugin.test.ts > leaves what it started by itself`,
      ` ✓ |${project}| plugin.test.ts > has the set-up of the user`,
      ` ✓ |${project}| plugin.test.ts > leaves an allowed daemon of a command`,
      ` ✓ |${project}| plugin.test.ts > leaves what is allowed`,
    ]
    expect(lines).toEqual(['extends', 'alone', 'own'].flatMap(verdicts).toSorted())
    expect(exitCode).toBe(1)
    expect(output).toContain('the user’s global set-up')
    expect(output.match(/^proctor: 6 commands run, .* 3 leaks/gm)).toHaveLength(1)
    await endByCommandLine(`${number}1`)
    expect(findByCommandLine(`${number}0`)).toEqual([])
  })

  test('adds nothing to what machines read', async () => {
    const args = [vitestCli, 'run', '--root', inRoot('fixtures/suites/plugin'), '--reporter=json', '--project=extends']
    const number = uniqueNumber()
    const { stdout } = await startInner(process.execPath, args, { env: { SUITE_NUMBER: number } }).result
    await endByCommandLine(`${number}1`)
    expect(stdout).toContain('"numTotalTests":5')
    expect(stdout).not.toContain('proctor: ')
  })
})

test.each([
  [{ gaurd: true }, 'proctor: unknown option "gaurd". Accepted are guard, globalSetup, reporter, options.'],
  [{ guard: 'warn' }, 'proctor: guard is "warn". Accepted is true, false or options of the guard.'],
  [{ guard: { mode: 'loud' } }, /^proctor: guard: mode is "loud"\. Accepted is 'fail'/],
  [{ options: { grace: 'long' } }, /^proctor: options: grace is "long"\. Accepted is a number of milliseconds/],
])('options are checked at once: %j', (options, message) => {
  expect(() => proctor(options as object)).toThrow(message)
})
