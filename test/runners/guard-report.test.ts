import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type InnerResult, inRoot, startInner, startVitest } from '../inner-run.js'
import { endByCommandLine, eventually, findByCommandLine, makeFolder, removeFolder, uniqueNumber } from '../machine.js'

// Real runs whose guard only reports, or already knows some leaks. The test reads /proc itself.

const suite = inRoot('fixtures/suites/guard-report')

/** A folder for a run's files, and a function that ends what the run has left, by its number. */
function makeRoom(): { folder: string; number: string; env: NodeJS.ProcessEnv; left: () => Promise<number> } {
  const [folder, number] = [makeFolder(), uniqueNumber()]
  const end = async (): Promise<number> => {
    const { length } = findByCommandLine(number)
    await endByCommandLine(number)
    return length
  }
  onTestFinished(async () => {
    await end()
    await removeFolder(folder)
  })
  return { folder, number, env: { TMPDIR: folder, SUITE_NUMBER: number }, left: end }
}

/** The summary up to an empty line. What the runner writes comes by another pipe, before or after it. */
const summaryOf = (output: string): string[] =>
  /proctor: \d+ process(?:es)? outlived \d[^]*?(?=\n\n|$)/.exec(output)?.[0].trim().split('\n') ?? []

test('Vitest: mode report ends nothing, a baseline has the known leaks, and only a new leak fails', async () => {
  const { folder, env, left } = makeRoom()
  const reported = await startVitest('guard-report', { env: { ...env, PROCTOR_GUARD: 'report' } }).result
  expect(reported.output).toContain('proctor: 2 processes outlived the test that started them\n')
  expect(reported.output).toContain('left alone')
  const summary = [
    'proctor: 4 processes outlived 3 tests, none of which fails the run',
    '  fixtures/suites/guard-report/helper.mjs:7 started 4 processes that outlived 3 tests: sleep <n> <n>',
  ]
  expect(summaryOf(reported.output)).toEqual(summary)
  expect([reported.exitCode, await left()]).toEqual([0, 4])

  const baseline = join(folder, 'known.json')
  const withBaseline = { ...env, PROCTOR_GUARD_BASELINE: baseline }
  const updated = await startVitest('guard-report', { env: { ...withBaseline, PROCTOR_GUARD_UPDATE: '1' } }).result
  expect(summaryOf(updated.output)).toEqual([...summary, `proctor: baseline with 1 leak written: ${baseline}`])
  expect(JSON.parse(readFileSync(baseline, 'utf8'))).toEqual([
    { at: 'fixtures/suites/guard-report/helper.mjs', command: 'sleep <n> <n>' },
  ])
  expect([updated.exitCode, await left()]).toEqual([0, 4])

  const red = await startVitest('guard-report', { env: { ...withBaseline, SUITE_NEW: '1' } }).result
  expect(red.output).toMatch(/Tests\s+1 failed \| 2 passed/)
  expect(red.output).toMatch(
    /LeakedProcessError: 1 process outlived the test that started it and was killed\n\n\s+tail/,
  )
  expect(summaryOf(red.output)).toEqual([
    'proctor: 5 processes outlived 3 tests',
    summary[1],
    '  fixtures/suites/guard-report/helper.mjs:12 started 1 process that outlived 1 test: tail -f /dev/null <n>',
  ])
  expect([red.exitCode, await left()]).toEqual([1, 4])
  const hasRecords = (): boolean => readdirSync(folder).some((name) => name.startsWith('proctor-'))
  expect(await eventually(() => (hasRecords() ? undefined : true), 'the end of the guardians')).toBe(true)
}, 60_000)

test('Jest and node:test: the same sum at the end', async () => {
  const { env, left } = makeRoom()
  const runs: (readonly string[])[] = [
    [inRoot('node_modules/jest/bin/jest.js'), '--config', 'jest.config.cjs'],
    ['--import', 'proctor/node-test/guard', '--test', '--test-reporter=proctor/node-test/reporter', 'shares.node.mjs'],
  ]
  const more = { PROCTOR_GUARD: 'report', PROCTOR_GUARD_LEAK_TIMEOUT: '50' }
  const run = (args: readonly string[]): Promise<InnerResult> =>
    startInner(process.execPath, args, { cwd: suite, env: { ...env, ...more } }).result
  const unheard = ['--import', 'proctor/node-test/guard', '--test', 'shares.node.mjs']
  const update = { PROCTOR_GUARD_UPDATE: '1', PROCTOR_GUARD_BASELINE: 'known.json' }
  const refused = startInner(process.execPath, unheard, { cwd: suite, env: { ...env, ...update } }).result
  const results = await Promise.all(runs.map(run))
  expect((await refused).output).toContain('PROCTOR_GUARD_UPDATE: nobody would write the baseline at the end')
  expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0])
  expect(results.map(({ stderr }) => summaryOf(stderr).slice(0, 2))).toEqual([
    [
      'proctor: 2 processes outlived 2 tests, none of which fails the run',
      '  shares.test.cjs:7 started 2 processes that outlived 2 tests: sleep <n> <n>',
    ],
    [
      'proctor: 3 processes outlived 2 tests, none of which fails the run',
      '  helper.mjs:7 started 3 processes that outlived 2 tests: sleep <n> <n>',
    ],
  ])
  expect(await left()).toBe(5)
}, 60_000)
