import { expect, test } from 'vitest'
import { inRoot, type InnerResult, runVitest, startInner } from '../inner-run.js'
import { uniqueNumber } from '../machine.js'

const verdictsOf = (output: string, pattern: RegExp): string[] =>
  (output.match(pattern) ?? []).map((line) => line.trim().replace(/ (?:\(?\d+ ?ms\)?).*$/, ''))

const runJest = (file: string): Promise<InnerResult> => {
  const args = [inRoot('node_modules/jest/bin/jest.js'), '--verbose', '--testMatch', `**/${file}`, '--rootDir']
  const env = { SUITE_NUMBER: uniqueNumber(), PROCTOR_GUARD_LEAK_TIMEOUT: '100' }
  return startInner(process.execPath, [...args, inRoot('fixtures/suites/jest'), '--config', '{}'], { env }).result
}

test('Vitest: repeats, short tests, and what comes behind the end of a test', { timeout: 60_000 }, async () => {
  const { output } = await runVitest('expected', { args: ['repeats', 'short'], env: { SUITE_NUMBER: uniqueNumber() } })
  // A wait gets a fair part of what is left of the test's 500 ms.
  expect(output).toMatch(/Timed out after 0\.(?!01)\d+ seconds/)
  expect(output).toMatch(/sleep 600 exited with SIGTERM after \d+ ms, at the end of its test\./)
  expect(output).toMatch(/unexpectedly exited with signal SIGTERM\. Output:\s+Why: The end of its test has ended it\./)
  // A leak in any repeat of `test.fails` is red.
  expect(verdictsOf(output, /^ [✓×] repeats.*$/gm)).toEqual([
    '× repeats.test.ts > leaks in a repeat that is not the last',
    '✓ repeats.test.ts > is expected to fail in each repeat, and does',
  ])
  expect(output).toContain('1 process outlived its command and was killed')
})

test('Vitest: a test that bail cuts off has not skipped itself', { timeout: 60_000 }, async () => {
  const args = ['cut-off', '--bail=1']
  const { output } = await runVitest('expected', { args, env: { SUITE_NUMBER: uniqueNumber() } })
  expect(output).toMatch(/is cut off[^]*LeakedProcessError: 1 process outlived its command and was killed/)
  expect(output).not.toContain('skipped itself')
})

test('Jest: a leak is not the failure that test.concurrent.failing waits for', { timeout: 60_000 }, async () => {
  const { output } = await runJest('failing.case.cjs')
  expect(verdictsOf(output, /^ +[✓✕] .*$/gm)).toEqual(['✕ does not fail, and leaks', '✓ fails, as expected'])
  expect(output).toContain('1 process outlived its command and was killed')
})

test('Jest: a program of a concurrent test is not ended with a test beside it', { timeout: 60_000 }, async () => {
  const { exitCode, output } = await runJest('beside.case.cjs')
  expect(verdictsOf(output, /^ +[✓✕] .*$/gm)).toEqual(['✓ uses a program for a while', '✓ runs beside it'])
  expect(exitCode).toBe(0)
})
