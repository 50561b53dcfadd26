import { createProctor } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'

describe('Terminate is not kill', () => {
  test('a program that cleans up for two seconds finishes inside the grace', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const tidy = run('node', ['cleans-up.mjs'])
    await tidy.waitForOutput('ready')

    const exit = await tidy.terminate({ grace: 100_000 })

    expect(exit).toMatchObject({ exitCode: 0, exitSignal: null, output: 'ready\ncleaning up\ncleaned up\n' })
    expect(await workspace.exists('cleaned-up')).toBe(true)
    await expect(tidy).toBeDead('leader.pid')
    // The whole grace period would be longer than the test may take.
    expect(exit.durationMs).toBeGreaterThanOrEqual(2000)
  })

  test('kill does not wait for it', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const tidy = run('node', ['cleans-up.mjs'])
    await tidy.waitForOutput('ready')

    const exit = await tidy.kill()

    expect(exit).toMatchObject({ exitCode: null, exitSignal: 'SIGKILL', output: 'ready\n' })
    expect(await workspace.exists('cleaned-up')).toBe(false)
    await expect(tidy).toBeDead('leader.pid')
  })

  test('a grace that is too short ends in a kill', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const tidy = run('node', ['cleans-up.mjs'])
    await tidy.waitForOutput('ready')

    const exit = await tidy.terminate({ grace: 300 })

    expect(exit).toMatchObject({ exitCode: null, exitSignal: 'SIGKILL', output: 'ready\ncleaning up\n' })
    expect(await workspace.exists('cleaned-up')).toBe(false)
    await expect(tidy).toBeDead('leader.pid')
  })
})

describe('A program that ignores SIGTERM needs SIGKILL', () => {
  test('terminate escalates, and the report says so', async () => {
    const proctor = await createProctor()
    await proctor.workspace.copyFrom(programs)
    const stubborn = proctor.run('node', ['ignores-sigterm.mjs'])
    await stubborn.waitForOutput('ready')

    const exit = await stubborn.terminate({ grace: 300 })
    const { commands } = await proctor.teardown()

    expect(exit).toMatchObject({ exitCode: null, exitSignal: 'SIGKILL', output: 'ready\nSIGTERM ignored\n' })
    expect(commands).toMatchObject([{ escalated: true, signals: ['SIGTERM', 'SIGKILL'], endedBy: 'test' }])
  })

  test('terminate does not escalate if SIGTERM was enough', async () => {
    const proctor = await createProctor()
    await proctor.workspace.copyFrom(programs)
    const obedient = proctor.run('node', ['says-and-stays.mjs', 'ready'])
    await obedient.waitForOutput('ready')

    const exit = await obedient.terminate()
    const { commands } = await proctor.teardown()

    expect(exit).toMatchObject({ exitCode: null, exitSignal: 'SIGTERM' })
    expect(commands).toMatchObject([{ escalated: false, signals: ['SIGTERM'], endedBy: 'test' }])
  })

  test('terminate escalates for a child whose parent has obeyed', async () => {
    const proctor = await createProctor()
    await proctor.workspace.copyFrom(programs)
    const parent = proctor.run('node', ['parent.mjs', 'ignores-sigterm.mjs'])
    await parent.waitForOutput('ready')

    const exit = await parent.terminate({ grace: 300 })
    await expect(parent).toBeDead('stubborn.pid')
    const { commands } = await proctor.teardown()

    expect(exit).toMatchObject({ exitCode: null, exitSignal: 'SIGTERM' })
    expect(commands).toMatchObject([{ escalated: true, leaked: [], endedBy: 'test' }])
  })

  test('the end of the test escalates too, and blames nobody', async () => {
    const proctor = await createProctor({ grace: 300 })
    await proctor.workspace.copyFrom(programs)
    const stubborn = proctor.run('node', ['ignores-sigterm.mjs'])
    await stubborn.waitForOutput('ready')

    const { commands } = await proctor.teardown()

    expect(stubborn.output).toBe('ready\nSIGTERM ignored\n')
    expect(commands).toMatchObject([
      { escalated: true, signals: ['SIGTERM', 'SIGKILL'], endedBy: 'teardown', exitSignal: 'SIGKILL', leaked: [] },
    ])
  })
})
