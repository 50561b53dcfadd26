import { describe, expect, test } from 'vitest'
import { type InnerRun, startVitest } from '../inner-run.js'
import { eventually, expectNothingLeft, isRunning } from '../machine.js'
import { firstOf } from '../short.js'
import { bystander, type Scene, scene, sixProcesses, started } from './scene.js'

const signals = firstOf(2, ['SIGKILL', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const)

describe.each(firstOf(1, ['forks', 'threads'] as const))('in the pool %s', (pool) => {
  const start = ({ env }: Scene): InnerRun => started(startVitest('faults', { env, pool }))

  test.each(signals)('the main process gets %s', async (signal) => {
    const given = scene('hang')
    const expectBystander = bystander()
    const run = start(given)
    await given.ready()
    sixProcesses(given.number)
    run.child.kill(signal)
    await run.result
    await expectNothingLeft(given.number, given.folder)
    expectBystander()
  })

  test('the whole process group of the runner gets SIGKILL', async () => {
    const given = scene('hang')
    const run = start(given)
    await given.ready()
    process.kill(-run.child.pid!, 'SIGKILL')
    await run.result
    await expectNothingLeft(given.number, given.folder)
  })

  test.each([
    ['the test calls process.exit', 'process-exit', {}],
    ['the worker runs out of memory', 'out-of-memory', { NODE_OPTIONS: '--max-old-space-size=96' }],
  ])('%s', async (_title, fault, env) => {
    const given = scene(fault, { FAULT_TIMEOUT: '20000', ...env })
    const { exitCode } = await start(given).result
    await given.ready()
    expect(exitCode).not.toBe(0)
    await expectNothingLeft(given.number, given.folder)
  })

  test('the set-up of a fixture throws after its command has started', async () => {
    const given = scene('set-up-throws')
    const { exitCode, output } = await start(given).result
    expect(output).toContain('Error: the set-up throws')
    expect(exitCode).toBe(1)
    await expectNothingLeft(given.number, given.folder)
  })

  test('the main process is killed while a test loops endlessly', async () => {
    const given = scene('endless-loop')
    const run = start(given)
    const worker = await given.ready()
    run.child.kill('SIGKILL')
    await run.result
    await expectNothingLeft(given.number, given.folder)
    await eventually(() => (isRunning(worker) ? undefined : true), 'the worker ends with its main process', 4000)
  })

  test('a test that passes leaves nothing, not even its guardian', async () => {
    const given = scene('pass')
    const { exitCode } = await start(given).result
    expect(exitCode).toBe(0)
    await expectNothingLeft(given.number, given.folder)
  })
})
