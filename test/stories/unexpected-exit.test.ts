import { AlreadyExitedError, createProctor, UnexpectedExitError } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'
import { isStillAlive, witness } from '../witness.js'

describe('Unexpected exit', () => {
  test('waiting for output that never comes while the program fails', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const failing = run('node', ['exits-with.mjs', '1', 'all', 'it', 'said'])

    const error = await rejectionOf(failing.waitForOutput('what never comes'))

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 1. Output:\nall it said')
    expect(error).toMatchObject({ exitCode: 1, exitSignal: null, output: 'all it said\n' })
  })

  test('waiting for output that never comes while the program succeeds', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const finishing = run('node', ['gets-to-the-end.mjs'])

    const error = await rejectionOf(finishing.waitForOutput(/never/))

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 0. Output:\nI got to the end!')
  })

  test('a signal is named', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const crashing = run('node', ['exits-with.mjs', 'SIGSEGV', 'about to crash'])

    const error = await rejectionOf(crashing.waitForOutput('what never comes'))

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with signal SIGSEGV. Output:\nabout to crash')
    expect(error).toMatchObject({ exitCode: null, exitSignal: 'SIGSEGV' })
  })

  test('output that came before the exit is found after it', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const failing = run('node', ['exits-with.mjs', '1', 'all', 'it', 'said'])
    await expect.poll(() => failing.running, { timeout: 4000 }).toBe(false)

    const output = await failing.waitForOutput('all it said')

    expect(output).toBe('all it said\n')
    await expect(failing).toHaveExitedWith(1)
  })

  test('once the exit was reported, it is known', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const failing = run('node', ['exits-with.mjs', '1', 'all', 'it', 'said'])
    await expect(failing.waitForOutput('what never comes')).toThrowUnexpectedExit('all it said')

    const error = await rejectionOf(failing.waitForOutput('all it said'))

    expect(error).toBeInstanceOf(AlreadyExitedError)
    expect(error.message).toBe('Process already exited with 1. Output:\nall it said')
  })

  test('two waits that it interrupts both reject', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const failing = run('node', ['exits-with.mjs', '1', 'all', 'it', 'said'])

    const errors = await Promise.all([
      rejectionOf(failing.waitForOutput('what never comes')),
      rejectionOf(failing.waitForOutput(/what never comes either/)),
    ])

    expect(errors.map(({ name }) => name)).toEqual(['UnexpectedExitError', 'UnexpectedExitError'])
  })

  test('a failure that the test never looked at fails the test', async () => {
    const proctor = await createProctor()
    await proctor.workspace.copyFrom(programs)
    const failing = proctor.run('node', ['exits-with.mjs', '1', 'all', 'it', 'said'])
    await expect.poll(() => failing.running, { timeout: 4000 }).toBe(false)

    const error = await rejectionOf(proctor.teardown())

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 1. Output:\nall it said')
  })

  test('so does one just before the test’s end, which nobody can have seen', async () => {
    const proctor = await createProctor()
    await proctor.workspace.copyFrom(programs)
    const failing = proctor.run('node', ['exits-with.mjs', '1', 'all', 'it', 'said'])
    const process = witness(failing.pid)

    // All of this happens within one turn of the event loop.
    const deadline = Date.now() + 4000
    while (isStillAlive(process) && Date.now() < deadline);
    const error = await rejectionOf(proctor.teardown())

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 1. Output:\nall it said')
  })

  test('a failure that the test looked at does not', async () => {
    const proctor = await createProctor()
    await proctor.workspace.copyFrom(programs)
    const failing = proctor.run('node', ['exits-with.mjs', '1', 'all', 'it', 'said'])
    const { exitCode } = await failing.waitForExit()

    const { commands } = await proctor.teardown()

    expect(exitCode).toBe(1)
    expect(commands).toMatchObject([{ exitCode: 1, endedBy: 'itself' }])
  })
})
