import { cp } from 'node:fs/promises'
import { expect, type Process, test } from 'proctor/vitest'
import { endByCommandLine, eventually, findByCommandLine, numberIn, uniqueNumber } from '../machine.js'
import { inRoot } from '../inner-run.js'
import { buildMutant, innerEnvironment, type Mutation } from './mutant.js'

// What each part of the guard is for: with all of these removed, each of their tests gets another result.

const mutations: readonly Mutation[] = [
  {
    // The guard misses processes that nothing announces.
    file: 'src/guard/child-activity.ts',
    from: 'return text !== undefined && text !== this.#last',
    to: 'return false',
  },
  {
    // A fixture that the whole file shares counts as the first test's.
    file: 'src/guard/blame.ts',
    from: 'const shared = this.#shared.find(({ to }) => to === Infinity)',
    to: 'const shared = undefined as SharedTime | undefined',
  },
  {
    // The guard looks before a fixture has cleaned up at the end of its test.
    file: 'src/runners/vitest/patches.ts',
    from: 'if (onFinished.length > 1) onFinished.unshift(onFinished.pop())',
    to: '',
  },
  {
    // What an allowed process starts in a later test counts as a leak.
    file: 'src/guard/guard.ts',
    from: 'if (this.#units.ownerOf(each) === unit) this.#tolerance.add(each)',
    to: 'void each',
  },
  {
    // The guardian is not told of the processes that the guard has seen start.
    file: 'src/guardian/guardian.ts',
    from: "this.#watch(`process ${keyOf(identity)}`, { kind: 'process', identity })",
    to: 'void identity',
  },
  {
    // The guardian is not started before the first of them either.
    file: 'src/guard/watch.ts',
    from: 'guardian().startOnce()',
    to: '',
  },
]

const patience = { timeout: 60_000 }
test('without its parts the guard says otherwise', async ({ run, workspace }) => {
  await buildMutant({ workspace }, mutations)
  for (const path of ['fixtures/suites/guard', 'fixtures/suites/vitest.shared.ts']) {
    await cp(inRoot(path), workspace.resolve(path), { recursive: true })
  }
  const number = uniqueNumber()
  const suite = (file: string, name: string, more: NodeJS.ProcessEnv = {}): Process =>
    run('vitest', ['run', '--root', 'fixtures/suites/guard', file, '--testNamePattern', name, '--reporter=verbose'], {
      env: { ...innerEnvironment, SUITE_NUMBER: number, NO_COLOR: '1', ...more },
      leaks: 'kill',
    })

  const unnoticed = await suite('leaks', 'nobody is told').waitForExit(patience)
  expect(unnoticed.output).toContain('✓ leaks.test.ts > makes a daemon of which nobody is told')

  const soon = { PROCTOR_GUARD_LEAK_TIMEOUT: '100' }
  const later = await suite('lasting', '.*').waitForExit(patience)
  await endByCommandLine(number)
  expect(later.output).toMatch(/2 processes outlived the test file/)

  const blamed = await suite('clean', 'with a fixture of its own, and one of the file', soon).waitForExit(patience)
  expect(blamed.output).toContain('2 processes outlived the test that started them')

  const ready = workspace.resolve('ready')
  const killed = suite('killed', 'is killed', { SUITE_READY: ready })
  const worker = await numberIn(ready)
  expect(await eventually(() => (findByCommandLine(number).length >= 5 ? true : undefined), 'five processes')).toBe(
    true,
  )
  process.kill(worker, 'SIGKILL')
  await killed.waitForExit(patience)
  // The shell and its child carry no mark in their environment, and so they live on.
  const left = findByCommandLine(number)
  await endByCommandLine(number)
  expect(left.some((line) => / sh -c /.test(line))).toBe(true)
}, 60_000)
