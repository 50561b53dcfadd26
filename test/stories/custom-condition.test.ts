import { AlreadyExitedError, UnexpectedExitError } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'

const heardTwice = (output: string): boolean => output.split('heard').length === 3

describe('Custom condition', () => {
  test('it is checked until it holds', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const echo = run('node', ['echoes.mjs'])
    const outputs: string[] = []

    const wait = echo.waitForOutput((output) => {
      outputs.push(output)
      return heardTwice(output)
    })
    await echo.write('one\n')
    await echo.waitForOutput('heard one')
    await echo.write('two\n')

    expect(await wait).toBe('listening\nheard one\nheard two\n')
    expect(outputs).toContain('listening\nheard one\n')
    expect(outputs.filter(heardTwice)).toHaveLength(1)
  })

  test('it may return a promise', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const echo = run('node', ['echoes.mjs'])

    const wait = echo.waitForOutput((output) => Promise.resolve(heardTwice(output)))
    await echo.write('one\ntwo\n')

    expect(await wait).toBe('listening\nheard one\nheard two\n')
  })

  test('it may depend on more than the output', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const echo = run('node', ['echoes.mjs'])
    await echo.waitForOutput('listening')

    const wait = echo.waitForOutput(() => workspace.exists('result.txt'))
    await workspace.write('result.txt', '42')

    expect(await wait).toBe('listening\n')
  })

  test('the wait rejects with the very error that it throws', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const echo = run('node', ['echoes.mjs'])
    const mistake = new RangeError('a mistake in the condition')

    const error = await rejectionOf(
      echo.waitForOutput(() => {
        throw mistake
      }),
    )

    expect(error).toBe(mistake)
    expect(echo.running).toBe(true)
  })

  test('the wait rejects with the very error that it rejects with', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const echo = run('node', ['echoes.mjs'])
    const mistake = new RangeError('a mistake in the condition')

    const error = await rejectionOf(echo.waitForOutput(() => Promise.reject(mistake)))

    expect(error).toBe(mistake)
    expect(echo.running).toBe(true)
  })

  test('it never held, and the program has exited', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const finishing = run('node', ['gets-to-the-end.mjs'])

    const error = await rejectionOf(finishing.waitForOutput(heardTwice))

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 0. Output:\nI got to the end!')
  })

  test('after an exit that the test has seen there is nothing to wait for', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const finished = run('node', ['gets-to-the-end.mjs'])
    await finished.waitForSuccessfulExit()

    const error = await rejectionOf(finished.waitForOutput(() => true))

    expect(error).toBeInstanceOf(AlreadyExitedError)
    expect(error.message).toBe('Process already exited with 0. Output:\nI got to the end!')
  })
})
