import { UnexpectedExitError, WaitTimeoutError } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'

/** A screen of 24 rows and 80 columns that begins with these lines. */
const full = (...lines: string[]): string =>
  Array.from({ length: 24 }, (_, row) => (lines[row] ?? '').padEnd(80)).join('\n')

describe('Screenshot', () => {
  test('before the end and after it', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const dialogue = run('node', ['asks-questions.mjs'], { terminal: true })
    await dialogue.waitForScreen('name? ')

    expect(dialogue.screen.text).toBe(full('What is your name?'))
    expect(dialogue.screen.stripped).toBe('What is your name?')
    expect(dialogue.screen.cursor).toEqual({ row: 0, column: 19 })

    await dialogue.press('A', 'Enter')
    await dialogue.waitForScreen('quest? ')
    await dialogue.press('B', 'Enter')
    await dialogue.waitForSuccessfulExit()

    const lines = ['What is your name? A', 'What is your quest? B', 'A seeks B.']
    expect(dialogue.screen.text).toBe(full(...lines))
    expect(dialogue.screen.stripped).toBe(lines.join('\n'))
    expect(dialogue.screen.cursor).toEqual({ row: 3, column: 0 })
  })

  test('lines that have scrolled away are not on it, but in the output', async ({ run }) => {
    const count = run('seq', ['30'], { terminal: true })
    await count.waitForSuccessfulExit()

    expect(count.screen.stripped.split('\n')).toEqual(Array.from({ length: 23 }, (_, row) => `${row + 8}`))
    expect(count.output).toMatch(/^1\r\n2\r\n/)
  })
})

describe('Wait for a stripped screen', () => {
  const wished = 'so far\nso good'

  test('until it equals a text', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'so far', 'so good'], { terminal: true })

    await sleeper.waitForScreen((screen) => screen.stripped === wished)

    expect(sleeper.screen.stripped).toBe(wished)
  })

  test('for as long as it may take, and no longer', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'so far', 'so bad'], { terminal: true })
    await sleeper.waitForScreen('so bad')

    const error = await rejectionOf(sleeper.waitForScreen((screen) => screen.stripped === wished, { timeout: 200 }))

    expect(error).toBeInstanceOf(WaitTimeoutError)
    expect(error.message).toBe('Timed out after 0.2 seconds:\n\nso far\nso bad')
    expect(error).toMatchObject({ output: 'so far\nso bad', timeoutMs: 200 })
    expect(sleeper.running).toBe(true)
  })

  test('the program exits without having drawn it', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const finished = run('node', ['gets-to-the-end.mjs'], { terminal: true })

    const error = await rejectionOf(finished.waitForScreen(wished))

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 0. Output:\nI got to the end!')
  })
})
