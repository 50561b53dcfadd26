import { CommandTimeoutError, createProctor } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'
import { isStillAlive, readPid, witness } from '../witness.js'

/** ms that are enough for two programs to start. */
const timeout = 2500
const patience = { timeout: 20_000 }
const message = 'Command timed out after 2.5 seconds and was killed: node parent.mjs ignores-sigterm.mjs\n\nready'

describe.concurrent('A command that runs too long', () => {
  test('its whole group is killed, not only the leader', async ({ run, workspace, expect: check }) => {
    await workspace.copyFrom(programs)
    const parent = run('node', ['parent.mjs', 'ignores-sigterm.mjs'], { timeout })
    await parent.waitForOutput('ready', patience)
    const child = witness(readPid(workspace.resolve('stubborn.pid')))

    const error = await rejectionOf(parent.waitForExit(patience))

    check(error).toBeInstanceOf(CommandTimeoutError)
    check(error.message).toBe(message)
    check(error).toMatchObject({ timeoutMs: timeout, exitCode: null, exitSignal: 'SIGKILL', output: 'ready\n' })
    await expect(parent).toBeDead()
    await expect(parent).toBeDead('parent.pid')
    await expect(parent).toBeDead('stubborn.pid')
    check(isStillAlive(child)).toBe(false)
  })

  test('every wait rejects with it', async ({ run, workspace, expect: check }) => {
    await workspace.copyFrom(programs)
    const parent = run('node', ['parent.mjs', 'ignores-sigterm.mjs'], { timeout })

    const errors = await Promise.all([
      rejectionOf(parent.waitForOutput('what never comes', patience)),
      rejectionOf(parent.waitForOutput(() => false, patience)),
      rejectionOf(parent.waitForExit(patience)),
      rejectionOf(parent.waitForSuccessfulExit(patience)),
      // Nobody reads it.
      rejectionOf(parent.write('x'.repeat(1024 * 1024))),
    ])

    check(errors.map((error) => error.message)).toEqual([message, message, message, message, message])
  })

  test('a test that has not seen it fails', async ({ expect: check }) => {
    const proctor = await createProctor()
    await proctor.workspace.copyFrom(programs)
    const parent = proctor.run('node', ['parent.mjs', 'ignores-sigterm.mjs'], { timeout })
    await check.poll(() => parent.running, { timeout: 20_000 }).toBe(false)

    const error = await rejectionOf(proctor.teardown())

    check(error).toBeInstanceOf(CommandTimeoutError)
    check(error.message).toBe(message)
  })
})
