import { WaitTimeoutError } from 'proctor'
import { expect, test, type Process } from 'proctor/vitest'
import { describe } from 'vitest'
import { programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'
import { expectDeadInTheEnd } from '../witness.js'

const timeout = 200
/** More than a pipe holds, so that it cannot be written while nobody reads. */
const tooMuch = 'x'.repeat(1024 * 1024)

const waits: [string, (process: Process) => Promise<unknown>][] = [
  ['for a text', (process) => process.waitForOutput('never', { timeout })],
  ['for a regular expression', (process) => process.waitForOutput(/never/, { timeout })],
  ['for a condition', (process) => process.waitForOutput(() => false, { timeout })],
  [
    'for a condition that never answers',
    (process) => process.waitForOutput(() => new Promise<boolean>(() => {}), { timeout }),
  ],
  ['for a text on the other stream', (process) => process.waitForOutput('so far', { timeout, stream: 'stderr' })],
  ['for a text a second time', (process) => process.waitForOutput('so far', { timeout, since: process.mark() })],
  ['for an exit', (process) => process.waitForExit({ timeout })],
  ['for a successful exit', (process) => process.waitForSuccessfulExit({ timeout })],
  ['as long as the fixture says', (process) => process.waitForOutput('never')],
  ['until its input is read', (process) => process.write(tooMuch)],
]

describe('Timeout', () => {
  const watch = expectDeadInTheEnd()

  test.override({ proctorOptions: { waitTimeout: timeout } })

  test.for(waits)('waiting %s takes too long', async ([, wait], { run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'so far', 'so good'])
    await sleeper.waitForOutput('so good', { timeout: 4000 })
    const process = watch(sleeper.pid)

    const error = await rejectionOf(wait(sleeper))

    expect(error).toBeInstanceOf(WaitTimeoutError)
    expect(error.message).toBe('Timed out after 0.2 seconds:\n\nso far\nso good')
    expect(error).toMatchObject({ timeoutMs: 200, exitCode: null, exitSignal: null, output: 'so far\nso good\n' })
    // The timeout does not end the process. The teardown does, and `watch` checks that.
    expect(sleeper.running).toBe(true)
    expect(sleeper.pid).toBe(process.pid)
  })

  test('closing an input that nobody reads takes too long', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const sleeper = run('node', ['says-and-stays.mjs', 'so far'])
    await sleeper.waitForOutput('so far', { timeout: 4000 })
    watch(sleeper.pid)
    await rejectionOf(sleeper.write(tooMuch))

    const error = await rejectionOf(sleeper.endInput())

    expect(error).toBeInstanceOf(WaitTimeoutError)
    expect(error.message).toBe('Timed out after 0.2 seconds:\n\nso far')
  })

  test('a wait without a limit of its own may take longer than others did', async ({ run, workspace }) => {
    await workspace.copyFrom(programs)
    const echo = run('node', ['echoes.mjs'])
    await echo.waitForOutput('listening', { timeout: 4000 })
    watch(echo.pid)
    const heard = echo.waitForOutput('heard it', { timeout: 4000 })
    await rejectionOf(echo.waitForOutput('heard it', { timeout: 1 }))

    await echo.write('it\n')

    expect(await heard).toBe('listening\nheard it\n')
  })
})
