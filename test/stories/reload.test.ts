import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'

describe('SIGHUP makes a daemon reload', () => {
  test('signal reaches only the leader, group.signal every member', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const daemon = run('node', ['reloads.mjs'])
    await daemon.waitForOutput('daemon: ready')

    daemon.signal('SIGHUP')
    await daemon.waitForOutput('daemon: reload 1')
    daemon.group.signal('SIGHUP')
    await daemon.waitForOutput('daemon: reload 2')
    await daemon.waitForOutput('worker: reload')

    // The worker has received one signal of two.
    expect(daemon.output).toContain('worker: reload 1\n')
    expect(daemon.output).not.toContain('worker: reload 2')
    expect(daemon.running).toBe(true)
    await expect(daemon).toBeAlive('daemon.pid')
    await expect(daemon).toBeAlive('worker.pid')
  })

  test('the group has both as members, until it is empty', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const daemon = run('node', ['reloads.mjs'])
    await daemon.waitForOutput('daemon: ready')
    const { group } = daemon

    const members = await group.members()

    expect(group.id).toBe(daemon.pid)
    expect(members.map(({ pid }) => `${pid}\n`).toSorted()).toEqual(
      [await workspace.read('daemon.pid'), await workspace.read('worker.pid')].toSorted(),
    )
    expect(await group.isEmpty()).toBe(false)

    await daemon.kill()

    expect(await group.members()).toEqual([])
    expect(await group.isEmpty()).toBe(true)
  })

  test('group.signal reaches the other members when the leader has gone', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const daemon = run('node', ['reloads.mjs'])
    await daemon.waitForOutput('daemon: ready')
    daemon.signal('SIGKILL')
    await expect(daemon).toHaveExitedWith('SIGKILL')

    daemon.group.signal('SIGHUP')

    await expect(daemon).toHaveOutput('worker: reload 1')
    daemon.group.signal('SIGTERM')
    await expect(daemon).toBeDead('worker.pid')
    expect(() => daemon.group.signal('SIGHUP')).toThrow('Process already exited with signal SIGKILL. Output:')
  })
})
