import { isProctorError } from '../../base/errors.js'
import { now } from '../../base/clock.js'
import { proctorHandles } from '../../fixture/handle.js'
import type { ProctorOptions } from '../../fixture/options.js'
import { FixtureProctor } from '../../fixture/proctor.js'
import type { Proctor } from '../../fixture/types.js'
import { formatCommands } from '../../report/failure-text.js'
import { errorsOf, identityOf, type TestInfo } from './test-info.js'

// What Playwright's fixtures do. It is loaded, with all that is below it, when a test asks for the first one: the files
// of tests are loaded once more in the main process, which runs none.

export { plainMatchers } from '../../matchers/all.js'

type Use = (proctor: Proctor) => Promise<void>

/** The fixture `proctor` of one attempt at a test. Playwright calls it behind the hooks of the test. */
export async function provideProctor(options: ProctorOptions, use: Use, test: TestInfo): Promise<void> {
  const begin = now()
  const timeLeft = (): number => (test.timeout === 0 ? Infinity : begin + test.timeout - now())
  // Beside what else Playwright keeps of the test.
  const withFolder = { traceDir: test.outputDir, ...options }
  const proctor = await FixtureProctor.create(withFolder, { timeLeft, test: identityOf(test) })
  await use(proctorHandles.of(proctor))
  const errors = errorsOf(test)
  const hasFailed = errors.length > 0
  try {
    await proctor.teardown({ hasFailed, isTestOver: true, errors })
  } catch (error) {
    const isOfOurs = isProctorError(error, 'LeakedProcessError') || isProctorError(error, 'ContainmentError')
    // What a test that is to fail leaves behind is not the failure that it waits for.
    if (isOfOurs && test.expectedStatus === 'failed') test.expectedStatus = 'passed'
    throw error
  } finally {
    await attach(proctor, test, hasFailed)
  }
}

/** What stands with a test in Playwright's reports: its trace, and what its commands did when it has failed by itself. */
async function attach({ outcome, processes }: FixtureProctor, test: TestInfo, hasFailed: boolean): Promise<void> {
  if (outcome === undefined) return
  const { trace, commands } = outcome.report
  if (trace !== undefined) await test.attach('proctor-trace', { path: trace, contentType: 'text/html' })
  if (!hasFailed || commands.length === 0) return
  // Playwright's reporters for a terminal print a text below the error.
  await test.attach('commands', { body: formatCommands(outcome), contentType: 'text/plain' })
  for (const { screen } of processes) {
    if (screen !== undefined) await test.attach('screen', { body: screen.toSVG(), contentType: 'image/svg+xml' })
  }
}

/** The fixture `workerProctor`. What it throws is an error of the run, which stands with no test. */
export async function provideWorkerProctor(options: ProctorOptions, use: Use): Promise<void> {
  const names = ['shared by the tests of a worker']
  const proctor = await FixtureProctor.create(options, { test: { names } })
  await use(proctorHandles.of(proctor))
  await proctor.teardown({ isTestOver: true })
}
