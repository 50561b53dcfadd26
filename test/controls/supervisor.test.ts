import { expect, test } from 'proctor/vitest'
import { program, uniqueNumber } from '../rooms/supervisor/proctor-run.js'
import { buildMutant, type Mutation } from './mutant.js'

// What parts of `proctor run` are for: with all of these removed, it behaves differently.

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
    from: 'members: sight.members.filter(({ pid }) => !allowed.has(pid))',
    to: 'members: sight.members.filter(({ pid, group }) => !allowed.has(pid) && group === this.#group)',
  },
  {
    // Node starts the command and waits for it.
    file: 'src/supervisor/start.ts',
    from: 'calls === undefined',
    to: 'calls !== undefined',
  },
  {
    // The portable start believes Node.
    file: 'src/command/launch/portable.ts',
    from: 'number > lastNamed',
    to: 'false',
  },
]

test('without its parts proctor run does otherwise', async ({ run, workspace }) => {
  await buildMutant({ run, workspace }, mutations, ['cli', 'index'])

  const counting = run('node', ['dist/cli.cjs', 'run', '--', 'node', program('counts-signals.mjs')], { terminal: true })
  await counting.waitForOutput('ready')
  await counting.press('Ctrl+C')
  await counting.waitForOutput(/(?:got SIGINT\s+){2}/)
  await counting.kill()

  const number = uniqueNumber()
  // Then the guardian ends it, and names nobody.
  const leaking = run('node', ['dist/cli.cjs', 'run', '--', 'setsid', '-f', 'sleep', number], { leaks: 'kill' })
  expect(await leaking.waitForExit()).toMatchObject({ exitCode: 0, stderr: '' })

  const dies = ['sh', '-c', 'kill -40 $$']
  await run('node', ['dist/cli.cjs', 'run', '--', ...dies]).waitForSuccessfulExit()
  const script = `import { createProctor } from './dist/index.js'
    const proctor = await createProctor()
    console.log((await proctor.run(...${JSON.stringify([dies[0], dies.slice(1)])}).waitForExit()).exitCode)
    await proctor.teardown()`
  const portable = run('node', ['--input-type=module', '-e', script], { env: { PROCTOR_LAUNCH: 'portable' } })
  expect((await portable.waitForSuccessfulExit()).stdout).toBe('0\n')
})
