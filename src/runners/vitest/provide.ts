import { isProctorError } from '../../base/errors.js'
import { escapeText } from '../../base/escape.js'
import { now } from '../../base/clock.js'
import { realProcess } from '../../base/real-process.js'
import { coverageVariable } from '../../command/coverage-names.js'
import { proctorHandles } from '../../fixture/handle.js'
import { FixtureProctor } from '../../fixture/proctor.js'
import type { Proctor } from '../../fixture/types.js'
import { type ProctorOptions, teardownTime } from '../../fixture/options.js'
import { received } from '../carried.js'
import { screenAttachments, traceAttachments } from './attachments.js'
import { expectFailureAgain, expectNoFailure } from './patches.js'
import { recordArtifact } from './runner.js'
import { countOnto } from './task-meta.js'
import { describeFailure } from './task-report.js'
import { errorsOf, type File, hasFailedIn, identityOf, identityOfFile, isCoverageEnabled, type Task } from './task.js'

// What Vitest's fixtures do. Loaded, with everything below it, when a test asks for the first one.

export { whileLed } from '../../base/call-site.js'
export { matchersWith } from '../../matchers/all.js'
export { whileClaimed } from '../../wait/claim.js'

/** The used part of a test's context. */
export interface TestContext {
  readonly task: Task
  readonly onTestFinished: (callback: () => Promise<void>, timeout?: number) => void
  /** Missing if somebody calls a fixture by hand. */
  readonly onTestFailed?: ((callback: () => Promise<void>, timeout?: number) => void) | undefined
}

// Vitest 5 can collect the coverage of processes that inherit its folder.
if (isCoverageEnabled() && realProcess.env['NODE_V8_COVERAGE'] === undefined) {
  realProcess.env[coverageVariable] ??= "globalSetup lacks 'proctor/vitest/global-setup', which collects it for Vitest"
}

type Use = (proctor: Proctor) => Promise<void>

/** The fixture `proctor` of one attempt at a test. */
export async function provideProctor(
  { task, onTestFinished, onTestFailed }: TestContext,
  options: ProctorOptions,
  use: Use,
): Promise<void> {
  expectFailureAgain(task)
  const begin = now()
  const limit = task.timeout
  const timeLeft = (): number =>
    limit === undefined || limit === 0 || limit === Infinity ? Infinity : begin + limit - now()
  const proctor = await FixtureProctor.create(received(options), { timeLeft, test: identityOf(task) })
  // The errors of earlier attempts stay in the list.
  const errorsBefore = task.result?.errors?.length ?? 0
  // Not in the fixture's own clean-up: Vitest gives that no deadline, and an error there skips the clean-up of other
  // fixtures.
  onTestFinished(async () => {
    try {
      await proctor.teardown({
        hasFailed: task.result?.state === 'fail',
        isTestOver: true,
        errors: errorsOf(task, errorsBefore),
      })
    } catch (error) {
      // An exit with an error may be the failure that `test.fails` waits for. A leak never is.
      const isOfOurs = isProctorError(error, 'LeakedProcessError') || isProctorError(error, 'ContainmentError')
      if (isOfOurs) expectNoFailure(task)
      // Vitest drops what is thrown in a test that has skipped itself. In a test that `bail` has cut off it does not.
      if (isOfOurs && task.result?.pending === true) {
        process.stderr.write(`proctor: ${task.name} skipped itself, and: ${escapeText(error.message)}\n`)
      }
      throw error
    } finally {
      if (proctor.outcome !== undefined) countOnto(task, proctor.outcome)
    }
  }, teardownTime(options))
  // Vitest calls this once the errors of the teardown are known too.
  onTestFailed?.(async () => {
    if (proctor.outcome === undefined) return
    const artifact = describeFailure(task, proctor.outcome, errorsBefore)
    if (artifact === undefined) return
    artifact.attachments.push(
      ...screenAttachments(proctor.processes),
      ...traceAttachments(proctor.outcome.report.trace),
    )
    await record(task, artifact)
  })
  await use(proctorHandles.of(proctor))
}

/** Vitest 4.0 accepts no artifact after a test has ended; 4.1 and 5 do. The text below the error says the same. */
async function record(task: Task, artifact: object): Promise<void> {
  try {
    await recordArtifact?.(task, artifact)
  } catch {
    // Vitest says that the artifact came too late.
  }
}

/** The fixture `fileProctor` of a file. */
export async function provideFileProctor(file: File | undefined, options: ProctorOptions, use: Use): Promise<void> {
  const proctor = await FixtureProctor.create(received(options), { test: identityOfFile(file) })
  await use(proctorHandles.of(proctor))
  try {
    await proctor.teardown({ hasFailed: hasFailedIn(file), isTestOver: true })
  } finally {
    if (file !== undefined && proctor.outcome !== undefined) countOnto(file, proctor.outcome)
  }
}
