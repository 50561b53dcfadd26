import { expect, test } from 'proctor/vitest'
import { program, uniqueNumber } from '../rooms/supervisor/proctor-run.js'
import { buildMutant, type Mutation } from './mutant.js'

// What parts of `proctor run` are for: with both of these replaced by nothing, it does otherwise.

const mutations: readonly Mutation[] = [
  {
    // Nobody tells what the whole group gets from what it gets alone.
    file: 'src/supervisor/relay.ts',
    from: 'canary !== undefined && isStruck(canary, signal)',
    to: 'canary === undefined',
  },
  {
    // What leaves the group is not the command's.
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
  // It is the guardian then that ends it, and names nobody.
  const leaking = run('node', ['dist/cli.cjs', 'run', '--', 'setsid', '-f', 'sleep', number], { leaks: 'kill' })
  expect(await leaking.waitForExit()).toMatchObject({ exitCode: 0, stderr: '' })
})
