import { isProctorError } from '../../base/errors.js'
import { now } from '../../base/clock.js'
import { proctorHandles } from '../../fixture/handle.js'
import type { ProctorOptions } from '../../fixture/options.js'
import { FixtureProctor } from '../../fixture/proctor.js'
import type { Proctor } from '../../fixture/types.js'
import { formatCommands } from '../../report/failure-text.js'
import { errorsOf, identityOf, type TestInfo } from './test-info.js'

// What Playwright's fixtures do. Loaded when a test asks for the first one, because the main process also loads the
// test files, and runs none of them.

export { plainMatchers } from '../../matchers/all.js'

type Use = (proctor: Proctor) => Promise<void>

/** The fixture `proctor` of one attempt at a test. Playwright ends it after the test's hooks. */
export async function provideProctor(options: ProctorOptions, use: Use, test: TestInfo): Promise<void> {
  const begin = now()
  const timeLeft = (): number => (test.timeout === 0 ? Infinity : begin + test.timeout - now())
  // Beside the other files that Playwright keeps for the test.
  const withFolder = { traceDir: test.outputDir, ...options }
  const proctor = await FixtureProctor.create(withFolder, { timeLeft, test: identityOf(test) })
  await use(proctorHandles.of(proctor))
  const errors = errorsOf(test)
  const hasFailed = errors.length > 0
  try {
    await proctor.teardown({ hasFailed, isTestOver: true, errors })
  } catch (error) {
    const isOfOurs = isProctorError(error, 'LeakedProcessError') || isProctorError(error, 'ContainmentError')
    // A test that is expected to fail must fail by itself: a leak is not the failure it waits for.
    if (isOfOurs && test.expectedStatus === 'failed') test.expectedStatus = 'passed'
    throw error
  } finally {
    await attach(proctor, test, hasFailed)
  }
}

/** Attaches the trace to the test in Playwright's reports, and what its commands did if it has failed by itself. */
async function attach({ outcome, processes }: FixtureProctor, test: TestInfo, hasFailed: boolean): Promise<void> {
  if (outcome === undefined) return
  const { trace, commands } = outcome.report
  if (trace !== undefined) await test.attach('proctor-trace', { path: trace, contentType: 'text/html' })
  if (!hasFailed || commands.length === 0) return
  // Playwright's terminal reporters print text attachments below the error.
  await test.attach('commands', { body: formatCommands(outcome), contentType: 'text/plain' })
  for (const { screen } of processes) {
    if (screen !== undefined) await test.attach('screen', { body: screen.toSVG(), contentType: 'image/svg+xml' })
  }
}

/** The fixture `workerProctor`. What it throws becomes an error of the run and belongs to no test. */
export async function provideWorkerProctor(options: ProctorOptions, use: Use): Promise<void> {
  const names = ['shared by the tests of a worker']
  const proctor = await FixtureProctor.create(options, { test: { names } })
  await use(proctorHandles.of(proctor))
  await proctor.teardown({ isTestOver: true })
}
