import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, type Process, test } from 'proctor/vitest'
import { inRoot } from '../inner-run.js'
import { findByCommandLine, uniqueNumber } from '../machine.js'
import { buildMutant, innerEnvironment, type Mutation } from './mutant.js'

// What parts of the runners' entry points are for: with all of these removed, their tests miss what they look for.

const mutations: readonly Mutation[] = [
  {
    // FAULTS B12: under node:test, a leak is lost when the test itself fails too.
    file: 'src/runners/node-test/fixtures.ts',
    from: 'if (!hasFailed(test)) throw error',
    to: 'if (hasFailed !== undefined) throw error',
  },
  {
    // The same for a fixture that is made by hand.
    file: 'src/fixture/forgotten.ts',
    from: 'if (isLeak && !isTold)',
    to: 'if (isLeak && isTold)',
  },
  {
    // D4: nothing reports that a teardown was forgotten.
    file: 'src/fixture/forgotten.ts',
    from: 'if (proctor.isTornDown) continue',
    to: 'if (site !== undefined) continue',
  },
  {
    // E2: `test.concurrent.failing` takes a leak for the failure that it expects.
    file: 'src/runners/jest/fixtures.ts',
    from: ' && test.failing !== true) throw error',
    to: ') throw error',
  },
  {
    // E3: each repeat of `test.fails` also stands for the one before it.
    file: 'src/runners/vitest/patches.ts',
    from: 'if (takenIn.get(test) !== repeatOf(test)) return',
    to: '',
  },
  {
    // G2: when concurrent tests run, the one that the runner names is blamed for what the fixtures of all of them
    // start.
    file: 'src/guard/blame.ts',
    from: 'current === undefined || this.#runner.isConcurrent(current)',
    to: 'current === undefined',
  },
  {
    // G5: the guard looks before the second half of `aroundEach`.
    file: 'src/runners/vitest/runner.ts',
    from: '?.aroundEach?.length ?? 0) > 0) return true',
    to: '?.aroundEach?.length ?? 0) < 0) return true',
  },
  {
    // G5 in the fixtures: code that asks after the end of a test is not told that this end has ended the command.
    file: 'src/command/command.ts',
    from: "this.endedBy === 'teardown' ? { isPastTest: true }",
    to: "this.endedBy === 'teardown' ? { isPastTest: false }",
  },
  {
    // G6: a wait gets the time left of the test less a fixed margin, which a short test does not have.
    file: 'src/wait/default-timeouts.ts',
    from: 'Math.max(left - margin, left / 2)',
    to: 'left - margin',
  },
  {
    // G8: a process that Jest's environment starts counts as the test's.
    file: 'src/guard/blame.ts',
    from: 'if (this.#runner.isInEnvironment?.() === true) return this.#worker',
    to: '',
  },
  {
    // G9: a test that Vitest ends early counts as skipped by itself.
    file: 'src/runners/vitest/provide.ts',
    from: 'task.result?.pending === true',
    to: "task.result?.state === 'skip'",
  },
  {
    // The reporter of `withProctor` lets a project of Jest that is given by its path be.
    file: 'src/runners/jest/projects-by-path.ts',
    from: 'guard !== undefined && !isThere',
    to: 'guard !== undefined && isThere',
  },
  {
    // A test file of node:test goes on when its runner is killed.
    file: 'src/worker/main-process.ts',
    from: 'if (realProcess.ppid !== runner) end()',
    to: '',
  },
  {
    // B14: the reporter is not told what guards find.
    file: 'src/runners/leak-list.ts',
    from: 'found: append,',
    to: 'found: () => {},',
  },
]

const patience = { timeout: 90_000 }

test('without their parts the doors of the runners do otherwise', async ({ run, workspace }) => {
  await buildMutant({ workspace }, mutations, ['jest', 'jest-guard', 'jest-config', 'jest-reporter'])
  for (const suite of ['expected', 'guard-jest', 'jest', 'jest-config', 'node-test', 'runner-controls']) {
    await cp(inRoot(`fixtures/suites/${suite}`), workspace.resolve('fixtures/suites', suite), { recursive: true })
  }
  await cp(inRoot('fixtures/suites/vitest.shared.ts'), workspace.resolve('fixtures/suites/vitest.shared.ts'))
  const env = { ...innerEnvironment, SUITE_NUMBER: uniqueNumber(), NO_COLOR: '1', PROCTOR_GUARD_LEAK_TIMEOUT: '100' }
  const start = (command: string, ...args: string[]): Process => run(command, args, { env, leaks: 'kill' })
  const vitest = (suite: string, ...args: string[]): Process =>
    start('vitest', 'run', '--root', join('fixtures/suites', suite), '--reporter=verbose', ...args)
  const jest = (suite: string, file: string, ...args: string[]): Process =>
    start('jest', '--verbose', '--rootDir', join('fixtures/suites', suite), '--testMatch', `**/${file}`, ...args)
  const [expected, cutOff, around, environment, failing, byPath, byNode] = await Promise.all(
    [
      vitest('expected', 'repeats', 'short'),
      vitest('expected', 'cut-off', '--bail=1'),
      vitest('runner-controls', '--reporter=proctor/vitest/reporter'),
      jest('guard-jest', 'environment.test.cjs', '--config', 'fixtures/suites/guard-jest/jest.config.cjs'),
      jest('jest', 'failing.case.cjs', '--config', '{}'),
      run('jest', ['--verbose', '--config', 'fixtures/suites/jest-config/paths.config.cjs'], {
        env: { ...env, SUITE_NUMBER: uniqueNumber() },
        leaks: 'kill',
      }),
      start('node', '--test', '--test-reporter=spec', ...['by-hand', 'use-proctor'].map(nodeTest)),
    ].map(async (each) => (await each.waitForExit(patience)).output),
  )
  expect(expected).toContain('✓ repeats.test.ts > leaks in a repeat that is not the last')
  expect(expected).toMatch(/Timed out after 0\.01 seconds/)
  expect(expected).toMatch(/exited with SIGTERM after \d+ ms\.$/m)
  expect(expected).not.toContain('The end of its test')
  expect(cutOff).toContain('is cut off skipped itself')
  expect(around).toMatch(/×.*the hook cleans up/)
  expect(around).toMatch(/×.*uses a fixture beside another one/)
  expect(around).not.toContain('outlived 2 tests')
  expect(environment).toMatch(/✕ has a server \(/)
  expect(failing).toContain('✓ does not fail, and leaks')
  expect(byPath).toContain('✓ leaves what it started')
  expect(byNode).not.toContain('nobody tore down')
  expect(byNode).not.toMatch(/the own error[^]*ℹ LeakedProcessError/)
  expect(byNode).not.toMatch(/^proctor: .*outlived/m)

  const hanging = start('node', '--test', nodeTest('hangs'))
  const left = (): number => findByCommandLine(`sleep ${env.SUITE_NUMBER}`).length
  await expect.poll(left, { timeout: 60_000 }).toBeGreaterThan(1)
  hanging.signal('SIGKILL')
  await hanging.waitForExit()
  // Three times the interval in which it would look.
  await run('sleep', ['0.6']).waitForSuccessfulExit()
  expect(left()).toBeGreaterThan(1)
}, 120_000)

const nodeTest = (name: string): string => `fixtures/suites/node-test/${name}.mjs`
