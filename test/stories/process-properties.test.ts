import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { readPid } from '../witness.js'

describe('Process properties', () => {
  test('they follow the process by themselves', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)

    const echo = run('node', ['echoes.mjs'])
    await echo.waitForOutput('listening')

    expect(echo.running).toBe(true)
    expect(echo.exitCode).toBeNull()
    expect(echo.exitSignal).toBeNull()
    expect(echo.pid).toBe(readPid(workspace.resolve('leader.pid')))

    await echo.endInput()
    await expect.poll(() => echo.running, { timeout: 4000 }).toBe(false)

    expect(echo.exitCode).toBe(0)
    expect(echo.exitSignal).toBeNull()
    expect(echo.pid).toBeUndefined()
  })

  test('they show the exit code', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)

    const failing = run('node', ['exits-with.mjs', '3', 'so', 'far'])
    await expect.poll(() => failing.running, { timeout: 4000 }).toBe(false)

    expect(failing.exitCode).toBe(3)
    expect(failing.exitSignal).toBeNull()
    expect(failing.pid).toBeUndefined()
    expect(failing.stdout).toBe('so far\n')
    expect(failing.stderr).toBe('')
  })

  test('they show the signal that ended it, and then no exit code', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'ready'])
    await sleeper.waitForOutput('ready')

    sleeper.signal('SIGTERM')
    await expect.poll(() => sleeper.running, { timeout: 4000 }).toBe(false)

    expect(sleeper.exitCode).toBeNull()
    expect(sleeper.exitSignal).toBe('SIGTERM')
    expect(sleeper.pid).toBeUndefined()
  })

  test('they show the exit even if a child holds the output open', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)

    const leader = run('node', ['leader-exits-first.mjs'])
    await leader.waitForOutput('child is up')
    await expect.poll(() => leader.running, { timeout: 2000 }).toBe(false)

    expect(leader.exitCode).toBe(0)
    expect(leader.output).toBe('child is up\n')
    await expect(leader).toBeAlive('child.pid')
    await expect(() => leader.kill()).toThrowUnexpectedExit('child is up')
  })
})
