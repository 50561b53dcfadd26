import { AlreadyExitedError, UnexpectedExitError } from 'proctor'
import { expect, test, type Process } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'

const calls: [string, (process: Process) => Promise<void>][] = [
  ['writing', (process) => process.write('Arthur\n')],
  ['ending the input', (process) => process.endInput()],
  // eslint-disable-next-line typescript/require-await -- it throws at once; so does this.
  ['signalling', async (process) => process.signal('SIGHUP')],
]

describe('Send keys', () => {
  test('two questions are asked and answered', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const dialogue = run('node', ['asks-questions.mjs'])

    await dialogue.waitForOutput('What is your name? ')
    await dialogue.write('Arthur\n')
    await dialogue.waitForOutput('What is your quest? ')
    await dialogue.write('the grail\n')
    const { output } = await dialogue.waitForSuccessfulExit()

    expect(output).toBe('What is your name? What is your quest? Arthur seeks the grail.\n')
  })

  test.for(calls)('%s after an exit that the test has seen', async ([, call], { run, workspace }) => {
    await workspace.copyFrom(programs)
    const finished = run('node', ['gets-to-the-end.mjs'])
    await finished.waitForSuccessfulExit()

    const error = await rejectionOf(call(finished))

    expect(error).toBeInstanceOf(AlreadyExitedError)
    expect(error.message).toBe('Process already exited with 0. Output:\nI got to the end!')
  })

  test.for(calls)('%s after an exit that the test has not seen', async ([, call], { run, workspace }) => {
    await workspace.copyFrom(programs)
    const finished = run('node', ['gets-to-the-end.mjs'])
    await expect.poll(() => finished.running, { timeout: 4000 }).toBe(false)

    const error = await rejectionOf(call(finished))

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 0. Output:\nI got to the end!')
  })

  test('writing text that the program does not read before it exits', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const parent = run('node', ['parent.mjs'])
    await parent.waitForOutput('child is up')
    // This is more than a pipe holds. The child has inherited the other end of the pipe, and keeps it open.
    const writing = rejectionOf(parent.write('x'.repeat(1024 * 1024)))

    parent.signal('SIGKILL')

    const error = await writing
    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with signal SIGKILL. Output:\nchild is up')
    await expect(() => parent.kill()).toThrowAlreadyExited('child is up')
  })

  test('the option input is read to its end', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)

    const echo = run('node', ['echoes.mjs'], { input: 'one\ntwo\n' })
    const { output } = await echo.waitForSuccessfulExit()

    expect(output).toBe('listening\nheard one\nheard two\n')
  })
})
