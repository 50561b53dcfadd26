import { utimes } from 'node:fs/promises'
import { UnexpectedExitError } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'
import { isStillAlive, witness } from '../witness.js'

describe('Numbers of processes are used again', () => {
  test('a process that started after the pid file was written has not written it', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const stranger = run('node', ['says-and-stays.mjs', 'ready'])
    await stranger.waitForOutput('ready')
    const anHourAgo = new Date(Date.now() - 3_600_000)
    await workspace.write('stale.pid', `${stranger.pid}\n`)
    await utimes(workspace.resolve('stale.pid'), anHourAgo, anHourAgo)

    await expect(workspace).toBeDead('stale.pid', { timeout: 500 })
    await expect(workspace).not.toBeAlive('stale.pid')
    await expect(stranger).toBeDead('stale.pid')
    // The number is in use, so only the start time tells the two apart.
    await workspace.write('fresh.pid', `${stranger.pid}\n`)
    await expect(workspace).toBeAlive('fresh.pid')
    await expect(workspace).not.toBeDead('fresh.pid', { timeout: 100 })
  })

  test('the process that a stale pid file names is only looked at, never signalled', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const bystander = run('node', ['says-and-stays.mjs', 'ready'])
    const parent = run('node', ['parent.mjs'])
    await Promise.all([bystander.waitForOutput('ready'), parent.waitForOutput('child is up')])
    await workspace.write('child.pid', `${bystander.pid}\n`)
    const before = witness(bystander.pid)

    await parent.kill()

    expect(isStillAlive(before)).toBe(true)
    await expect(bystander).toBeAlive()
  })
})

describe('A process may go between the check and the signal', () => {
  test('signalling a process that has just died is not an error', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'ready'])
    await sleeper.waitForOutput('ready')
    const before = witness(sleeper.pid)

    // This happens behind the fixture's back, within one turn of the event loop. The fixture cannot have heard of it.
    process.kill(before.pid, 'SIGKILL')
    const deadline = Date.now() + 4000
    while (isStillAlive(before) && Date.now() < deadline);

    expect(() => sleeper.signal('SIGHUP')).not.toThrow()
    expect(() => sleeper.group.signal('SIGHUP')).not.toThrow()
    await expect(sleeper).toHaveExitedWith('SIGKILL')
  })

  test('killing a process that has just died is not a successful kill', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'ready'])
    await sleeper.waitForOutput('ready')
    const before = witness(sleeper.pid)

    process.kill(before.pid, 'SIGTERM')
    const deadline = Date.now() + 4000
    while (isStillAlive(before) && Date.now() < deadline);
    const error = await rejectionOf(sleeper.kill())

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with signal SIGTERM. Output:\nready')
  })
})
