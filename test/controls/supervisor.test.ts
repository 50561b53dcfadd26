import { expect, test } from 'proctor/vitest'
import { program, uniqueNumber } from '../rooms/supervisor/proctor-run.js'
import { buildMutant, type Mutation } from './mutant.js'

// What parts of `proctor run` are for: with both of these removed, it behaves differently.

const mutations: readonly Mutation[] = [
  {
    // A signal to the whole group is not told from a signal to one process alone.
    file: 'src/supervisor/relay.ts',
    from: 'canary !== undefined && isStruck(canary, signal)',
    to: 'canary === undefined',
  },
  {
    // A process that leaves the group no longer counts as the command's.
    file: 'src/supervisor/run-descendants.ts',
    from: 'return found.filter(({ pid }) => !allowed.has(pid))',
    to: 'return found.filter(({ pid, group }) => !allowed.has(pid) && group === this.#group)',
  },
]

test('without its parts proctor run does otherwise', async ({ run, workspace }) => {
  await buildMutant({ run, workspace }, mutations, ['cli'])

  const counting = run('node', ['dist/cli.cjs', 'run', '--', 'node', program('counts-signals.mjs')], { terminal: true })
  await counting.waitForOutput('ready')
  await counting.press('Ctrl+C')
  await counting.waitForOutput(/(?:got SIGINT\s+){2}/)
  await counting.kill()

  const number = uniqueNumber()
  // Then the guardian ends it, and names nobody.
  const leaking = run('node', ['dist/cli.cjs', 'run', '--', 'setsid', '-f', 'sleep', number], { leaks: 'kill' })
  expect(await leaking.waitForExit()).toMatchObject({ exitCode: 0, stderr: '' })
})
