import { FailedExitError } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'

describe('Wait until successful exit', () => {
  test('exit code 0 is a success', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const finishing = run('node', ['gets-to-the-end.mjs'])

    const exit = await finishing.waitForSuccessfulExit()

    expect(exit).toEqual({
      exitCode: 0,
      exitSignal: null,
      stdout: 'I got to the end!\n',
      stderr: '',
      output: 'I got to the end!\n',
      durationMs: expect.any(Number) as number,
    })
    await expect(finishing).toBeDead('parent.pid')
  })

  test('any other exit code is a failure, and comes with the output', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const failing = run('node', ['exits-with.mjs', '255', 'something went wrong!'])

    const error = await rejectionOf(failing.waitForSuccessfulExit())

    expect(error).toBeInstanceOf(FailedExitError)
    expect(error.message).toBe('Process exited with non-zero exit code 255. Output:\nsomething went wrong!')
  })

  test('so is a signal', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const crashing = run('node', ['exits-with.mjs', 'SIGKILL', 'something went wrong!'])

    const error = await rejectionOf(crashing.waitForSuccessfulExit())

    expect(error).toBeInstanceOf(FailedExitError)
    expect(error.message).toBe('Process exited with signal SIGKILL. Output:\nsomething went wrong!')
  })

  test('asked again, it says the same again', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const failing = run('node', ['exits-with.mjs', '255', 'something went wrong!'])

    await expect(() => failing.waitForSuccessfulExit()).toThrowFailedExit('something went wrong!')

    await expect(() => failing.waitForSuccessfulExit()).toThrowFailedExit('something went wrong!')
    expect(await failing.waitForExit()).toMatchObject({ exitCode: 255 })
  })
})
