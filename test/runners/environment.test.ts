import { execFileSync } from 'node:child_process'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { inRoot, runVitest, startInner } from '../inner-run.js'
import { needs } from '../needs.js'

// What surrounds the tests, and must not reach a command. Real runners, started the way hooks and terminals start them.

const suite = inRoot('fixtures/suites/environment')
const patience = { timeout: 25_000 }

test('a commit of a test that a hook of git runs goes into the workspace', async ({ run, workspace }) => {
  needs('git')
  await workspace.write({ 'real/kept.txt': 'precious' })
  const real = async (...args: string[]): Promise<string> =>
    (await run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: 'real' }).waitForSuccessfulExit())
      .stdout
  await real('init', '-q')
  await real('add', '-A')
  await real('commit', '-q', '-m', 'theirs')
  const env = { GIT_DIR: workspace.resolve('real/.git'), GIT_INDEX_FILE: workspace.resolve('real/.git/index') }

  const { exitCode, output } = await runVitest('environment', { args: ['commits'], env })

  expect([exitCode, output]).toEqual([0, expect.stringContaining('2 passed')])
  expect(await real('log', '--format=%s', '--name-status')).toBe('theirs\n\nA\tkept.txt\n')
})

describe('Jest with workers in a terminal', () => {
  test.each([
    ['its colours do not reach a command', {}],
    ['those of a person do', { FORCE_COLOR: '1', SUITE_COLOR: '1\n' }],
  ])('%s', async (_title, env) => {
    needs('script')
    const jest = [inRoot('node_modules/jest/bin/jest.js'), '--config', `${suite}/jest.config.cjs`]
    // script(1) gives Jest a terminal.
    const line = [process.execPath, ...jest].map((word) => `'${word}'`).join(' ')
    const inner = startInner('script', ['-qec', line, '/dev/null'], {
      cwd: suite,
      env: { NO_COLOR: undefined, SUITE_COLOR: undefined, TERM: 'xterm-256color', ...env },
    })
    const { exitCode, output } = await inner.result
    expect([exitCode, output]).toEqual([0, expect.stringMatching(/2 passed/)])
  })
})

test('node:test: a run of node:test below a command of a run of node:test counts', async ({ run }) => {
  const { exitCode, stdout } = await run('node', ['--test', `${suite}/inner.mjs`]).waitForExit(patience)
  expect([exitCode, stdout]).toEqual([0, expect.stringMatching(/pass 1/)])
})

describe('where the test environment puts its own globals over Node’s', () => {
  test.each(['native', 'portable'])('a command starts, by the %s start', async (launch) => {
    const inner = startInner(
      process.execPath,
      [inRoot('node_modules/jest/bin/jest.js'), '--config', 'jest.config.cjs'],
      {
        cwd: suite,
        env: { PROCTOR_LAUNCH: launch, SUITE_FILES: '**/dom-like.case.cjs' },
      },
    )
    const { exitCode, output } = await inner.result
    expect([exitCode, output]).toEqual([0, expect.stringMatching(/1 passed/)])
  })
})

test('git has no other variables of its own repository than those that are left out', async () => {
  needs('git')
  const { notInherited } = await import('../../src/command/launch/environment.js')
  const own = execFileSync('git', ['rev-parse', '--local-env-vars'], { encoding: 'utf8' }).trim().split('\n')
  const names = notInherited.flatMap((list) => list.names)
  expect(own.filter((name) => !names.includes(name))).toEqual([])
})
