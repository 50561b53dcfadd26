import { AlreadyExitedError, CommandTimeoutError, UnexpectedExitError, WaitTimeoutError } from 'proctor'
import { expect, test, type Screen, type TerminalProcess } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'
import { expectDeadInTheEnd } from '../witness.js'

const calls: [string, (process: TerminalProcess) => Promise<void>][] = [
  ['writing', (process) => process.write('Arthur\n')],
  ['pressing a key', (process) => process.press('Enter')],
  ['ending the input', (process) => process.endInput()],
  // eslint-disable-next-line typescript/require-await -- it throws at once; so does this.
  ['changing the size', async (process) => process.resize(100, 30)],
]

describe('Send keys in a terminal', () => {
  test.for(calls)('%s after an exit that the test has seen', async ([, call], { run, workspace }) => {
    await workspace.copyFrom(programs)
    const finished = run('node', ['gets-to-the-end.mjs'], { terminal: true })
    await finished.waitForSuccessfulExit()

    const error = await rejectionOf(call(finished))

    expect(error).toBeInstanceOf(AlreadyExitedError)
    expect(error.message).toBe('Process already exited with 0. Output:\nI got to the end!')
  })

  test.for(calls)('%s after an exit that the test has not seen', async ([, call], { run, workspace }) => {
    await workspace.copyFrom(programs)
    const finished = run('node', ['gets-to-the-end.mjs'], { terminal: true })
    await expect.poll(() => finished.running, { timeout: 4000 }).toBe(false)

    const error = await rejectionOf(call(finished))

    expect(error).toBeInstanceOf(UnexpectedExitError)
    expect(error.message).toBe('Process unexpectedly exited with exit code 0. Output:\nI got to the end!')
  })

  test('an unknown key', async ({ run }) => {
    const cat = run('cat', [], { terminal: true })

    const error = await rejectionOf(cat.press('Enter', 'Return'))

    expect(error.message).toMatch(
      /^press: "Return" is no key that is known here: did you mean 'Enter'\? Known are Enter, Tab, Escape, /,
    )
    // No key was pressed.
    await cat.press('x')
    await cat.waitForScreen('x')
    expect(cat.screen.stripped).toBe('x')
  })

  test('Ctrl+C interrupts, and the exit that follows is expected', async ({ run }) => {
    const cat = run('cat', [], { terminal: true })
    await cat.press('x')
    await cat.waitForScreen('x')

    await cat.press('Ctrl+C')

    await expect.poll(() => cat.running, { timeout: 4000 }).toBe(false)
    expect(cat.screen.stripped).toBe('x^C')
  })

  test('Ctrl+D ends the input of a program that reads lines, and so does endInput', async ({ run }) => {
    const [first, second] = [run('cat', [], { terminal: true }), run('cat', [], { terminal: true })]
    await first.write('one\n')
    await first.press('Ctrl+D')
    await second.write('two\n')
    await second.endInput()

    expect((await first.waitForSuccessfulExit()).output).toBe('one\r\none\r\n')
    expect((await second.waitForSuccessfulExit()).output).toBe('two\r\ntwo\r\n')
    expect((await run('cat', [], { terminal: true, input: 'three' }).waitForSuccessfulExit()).output).toContain('three')
  })
})

const timeout = 200

describe('Timeouts in a terminal', () => {
  const watch = expectDeadInTheEnd()

  test.for<[string, (process: TerminalProcess) => Promise<unknown>]>([
    ['for a text on the screen', (process) => process.waitForScreen('never', { timeout })],
    ['for a match', (process) => process.waitForScreen(/never/, { timeout })],
    ['for a condition', (process) => process.waitForScreen(() => false, { timeout })],
    ['for output', (process) => process.waitForOutput('never', { timeout })],
    ['for an exit', (process) => process.waitForExit({ timeout })],
  ])('waiting %s takes too long', async ([, wait], { run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', '\x1b[31mso far\x1b[0m'], { terminal: true })
    await sleeper.waitForScreen('so far')
    watch(sleeper.pid)

    const error = await rejectionOf(wait(sleeper))

    expect(error).toBeInstanceOf(WaitTimeoutError)
    // The message shows the screen, and not the raw output.
    expect(error.message).toBe('Timed out after 0.2 seconds:\n\nso far')
    expect(sleeper.running).toBe(true)
  })

  test('its own timeout is over', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const parent = run('node', ['parent.mjs'], { terminal: true, timeout: 2500 })

    const error = await rejectionOf(parent.waitForScreen('never'))

    expect(error).toBeInstanceOf(CommandTimeoutError)
    expect((error as CommandTimeoutError).output).toBe('child is up')
    await expect(parent).toBeDead('child.pid')
  })
})

describe('Custom condition in a terminal', () => {
  test('it is checked until it holds', async ({ run }) => {
    const cat = run('cat', [], { terminal: true })
    const isBelow = (screen: Screen): boolean => screen.cursor.row === 2

    const wait = cat.waitForScreen(isBelow)
    await cat.press('a', 'Enter')

    expect(await wait).toBeUndefined()
    await expect(cat).toHaveScreen(isBelow)
    expect(cat.screen.stripped).toBe('a\na')
  })

  test('the wait rejects with the very error that it throws', async ({ run }) => {
    const cat = run('cat', [], { terminal: true })
    const thrown = new RangeError('no such thing')

    const wait = cat.waitForScreen(() => {
      throw thrown
    })

    expect(await rejectionOf(wait)).toBe(thrown)
  })

  test('after an exit that the test has seen', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const finished = run('node', ['gets-to-the-end.mjs'], { terminal: true })
    await finished.waitForExit()

    const error = await rejectionOf(finished.waitForScreen(() => true))

    expect(error).toBeInstanceOf(AlreadyExitedError)
    await expect(() => finished.kill()).toThrowAlreadyExited('I got to the end!')
  })
})
