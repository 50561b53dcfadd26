import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, type TerminalProcess } from 'proctor/vitest'
import { isRunning } from '../machine.js'
import { program, uniqueNumber } from '../rooms/supervisor/proctor-run.js'
import { readTraceFile } from '../trace-model.js'
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
    // A signal that comes after the end of the command ends proctor run.
    file: 'src/supervisor/relay.ts',
    from: 'this.#isClosed = true',
    to: 'for (const [signal, listener] of this.#listeners) process.off(signal, listener)',
  },
  {
    // A process that leaves the group no longer counts as the command's.
    file: 'src/supervisor/run-descendants.ts',
    from: 'members: sight.members.filter(({ pid }) => !allowed.has(pid))',
    to: 'members: sight.members.filter(({ pid, group }) => !allowed.has(pid) && group === this.#group)',
  },
  {
    // The picture shows only what its own looks have met.
    file: 'src/supervisor/run-trace.ts',
    from: 'this.#listener?.found()',
    to: '',
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

/**
 * Whether the command gets a signal to the group once more, passed on. A busy program hears two signals of one kind as one
 * if it has not run between them, so it gets more than one chance.
 */
async function hearsTwice(command: TerminalProcess): Promise<boolean> {
  const heard = (): number => command.output.split('got SIGWINCH').length - 1
  for (let resized = 1; resized <= 20; resized += 1) {
    command.resize(80 + resized, 24)
    await expect.poll(heard, { timeout: 4000 }).toBeGreaterThanOrEqual(resized)
    const again = expect.poll(heard, { timeout: 400 }).toBeGreaterThan(resized)
    const isHeardAgain = await again.then(
      () => true,
      () => false,
    )
    if (isHeardAgain) return true
  }
  return false
}

test('without its parts proctor run does otherwise', async ({ run, workspace }) => {
  await buildMutant({ run, workspace }, mutations, ['cli', 'index'])

  const counting = run('node', ['dist/cli.cjs', 'run', '--', 'node', program('counts-signals.mjs')], { terminal: true })
  await counting.waitForOutput('ready')
  expect(await hearsTwice(counting)).toBe(true)
  await counting.kill()

  const number = uniqueNumber()
  // Then the guardian ends it, and names nobody.
  const leaking = run('node', ['dist/cli.cjs', 'run', '--', 'setsid', '-f', 'sleep', number], { leaks: 'kill' })
  expect(await leaking.waitForExit()).toMatchObject({ exitCode: 0, stderr: '' })

  // Its own looks may still meet one in time, so it gets more than one chance.
  const isDrawn = async (): Promise<boolean> => {
    const [left, file] = [uniqueNumber(), 'trace.html']
    const drawing = ['dist/cli.cjs', 'run', '--trace', file, '--', 'setsid', '-f', 'sleep', left]
    await run('node', drawing, { leaks: 'kill' }).waitForExit()
    const { processes } = readTraceFile(join(workspace.path, file))
    return processes.some(({ commands }) => commands.some(({ command }) => command === `sleep ${left}`))
  }
  let isMissed = false
  for (let round = 0; round < 20 && !isMissed; round += 1) isMissed = !(await isDrawn())
  expect(isMissed).toBe(true)

  const loop = `trap '' TERM; echo ready; while :; do sleep 0.05; done`
  const signalled = run('node', ['dist/cli.cjs', 'run', '--trace', 'trace.html', '--', 'sh', '-c', loop])
  await signalled.waitForOutput('ready')
  const again = setInterval(() => isRunning(signalled.pid!) && process.kill(-signalled.pid!, 'SIGTERM'), 2)
  const { exitSignal } = await signalled.waitForExit().finally(() => clearInterval(again))
  expect(exitSignal).toBe('SIGTERM')

  const dies = ['sh', '-c', 'kill -40 $$']
  await run('node', ['dist/cli.cjs', 'run', '--', ...dies]).waitForSuccessfulExit()
  const script = `import { createProctor } from './dist/index.js'
    const proctor = await createProctor()
    console.log((await proctor.run(...${JSON.stringify([dies[0], dies.slice(1)])}).waitForExit()).exitCode)
    await proctor.teardown()`
  const portable = run('node', ['--input-type=module', '-e', script], { env: { PROCTOR_LAUNCH: 'portable' } })
  expect((await portable.waitForSuccessfulExit()).stdout).toBe('0\n')
})

test('a guardian that was told of what has gone looks for it', async ({ run, workspace }) => {
  const forgets = 'if (!isRunning(each)) guardian().forgetProcess(each)'
  await buildMutant(
    { run, workspace },
    [{ file: 'src/supervisor/run-descendants.ts', from: forgets, to: 'void each' }],
    ['cli'],
  )
  await workspace.write({
    'dist/guardian-ending.js': `import { writeFileSync } from 'node:fs'
    writeFileSync('${workspace.path}/has-looked', '')`,
  })
  const leaving = ['dist/cli.cjs', 'run', '--', 'setsid', '-f', 'sleep', uniqueNumber()]
  expect(await run('node', leaving, { leaks: 'kill' }).waitForExit()).toMatchObject({ exitCode: 1 })
  await expect.poll(() => existsSync(join(workspace.path, 'has-looked')), { timeout: 20_000 }).toBe(true)
})

test('a signal to the pid and then to the group is two wishes', async ({ run, workspace }) => {
  await buildMutant(
    { run, workspace },
    [
      { file: 'src/supervisor/relay.ts', from: 'if (isSplit) return', to: '' },
      { file: 'src/supervisor/relay.ts', from: 'if (isBlind)', to: 'if (false)' },
    ],
    ['cli', 'index'],
  )
  const loop = `trap 'echo got it' TERM; echo ready; while :; do sleep 0.05; done`
  const command = run('node', ['dist/cli.cjs', 'run', '--', 'sh', '-c', loop])
  await command.waitForOutput('ready')
  process.kill(command.pid!, 'SIGTERM')
  await command.waitForOutput('got it')
  process.kill(-command.pid!, 'SIGTERM')
  expect(await command.waitForExit()).toMatchObject({ exitSignal: 'SIGKILL' })

  // While the command starts. Each time, the two may also arrive as one.
  const line = `trap '' TERM; kill -TERM $0; kill -TERM 0; sleep 0.3`
  const early = ['-c', 'exec "$@" $$', 'sh', 'node', 'dist/cli.cjs', 'run', '--', 'sh', '-c', line]
  const isForced = async (): Promise<boolean> => (await run('sh', early).waitForExit()).exitSignal === 'SIGKILL'
  let forced = false
  for (let round = 0; round < 20 && !forced; round += 1) {
    forced = (await Promise.all([isForced(), isForced()])).includes(true)
  }
  expect(forced).toBe(true)
})
