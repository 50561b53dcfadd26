import { withProctor } from 'proctor/jest/config'
import { expect, test } from 'vitest'
import { extendProject } from '../../src/runners/jest/projects-by-path.js'
import { inRoot, type InnerResult, startInner } from '../inner-run.js'
import { endByCommandLine, findByCommandLine, uniqueNumber } from '../machine.js'

const runJest = (number: string, config: string, ...more: string[]): Promise<InnerResult> => {
  const path = inRoot(`fixtures/suites/jest-config/${config}`)
  const args = [inRoot('node_modules/jest/bin/jest.js'), '--config', path, '--verbose', ...more]
  return startInner(process.execPath, args, { env: { SUITE_NUMBER: number } }).result
}

const verdictsIn = (output: string): string[] | undefined =>
  output.match(/^ +[✓✕] .*$/gm)?.map((line) => line.trim().replace(/ \(\d+ ms\)$/, ''))

test('one call for guard, sweep and options, beside what the configuration has', async () => {
  const number = uniqueNumber()
  const { exitCode, output } = await runJest(number, 'jest.config.cjs')
  await endByCommandLine(`${number}1`)
  expect(verdictsIn(output)).toEqual([
    '✓ has the set-up of the user',
    '✕ leaves what it started by itself',
    '✓ leaves what is allowed',
    '✕ leaves a daemon of a command',
    '✓ leaves an allowed daemon of a command',
  ])
  expect(exitCode).toBe(1)
  expect(output).toContain('the user’s global set-up')
  expect(findByCommandLine(`${number}0`)).toEqual([])
})

test('a project that is given by its path is guarded too', async () => {
  const number = uniqueNumber()
  const { exitCode, output } = await runJest(number, 'paths.config.cjs', '--maxWorkers=2')
  await endByCommandLine(`${number}1`)
  const expected = ['✕ leaves what it started', '✓ leaves what is allowed']
  expect(verdictsIn(output)).toEqual([...expected, ...expected])
  expect(exitCode).toBe(1)
  expect(findByCommandLine(`${number}0`)).toEqual([])
})

test('options that a project given by its path has of its own stay', () => {
  const own = { setupFilesAfterEnv: [], globals: { proctorOptions: { grace: 5 } } }
  extendProject(own, { path: inRoot('dist/jest-guard.cjs'), guard: { mode: 'warn' }, options: { grace: 7 } })
  expect(own).toEqual({
    setupFilesAfterEnv: [inRoot('dist/jest-guard.cjs')],
    globals: { proctorGuard: { mode: 'warn' }, proctorOptions: { grace: 5 } },
  })
})

test.each([
  [{ gaurd: true }, 'withProctor: unknown option "gaurd". Accepted are guard, sweep, options.'],
  [{ guard: { mode: 'loud' } }, /^withProctor: guard: mode is "loud"\./],
])('options are checked at once: %j', (options, message) => {
  expect(() => withProctor({}, options as object)).toThrow(message)
})

test('the configuration that is given is not changed', () => {
  const config = Object.freeze({ reporters: Object.freeze(['default']), projects: Object.freeze(['one', {}]) })
  expect(withProctor(config)).toMatchObject({ projects: ['one', { setupFilesAfterEnv: [expect.any(String)] }] })
})
