import { waitRules } from '../wait/options.js'
import { commandOf } from '../command/handle.js'
import { checkOptions, isSignal } from '../base/check.js'
import type { Exit, Process } from '../command/process.js'
import {
  describeProcess,
  hint,
  lastOutput,
  type MatcherOptions,
  type MatcherResult,
  noted,
  refuseSubject,
  retry,
  stateOf,
  timeoutOf,
} from './support.js'

/** Whether a command exited with a code or a signal. Waits for the exit, and marks it as seen. */
export async function toHaveExitedWith(
  this: unknown,
  subject: Process,
  expected: number | NodeJS.Signals,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  const { isNot = false } = stateOf(this)
  const process = commandOf(subject)
  if (process === undefined) throw refuseSubject('toHaveExitedWith', 'a process', subject)
  const isCode = typeof expected === 'number' && Number.isInteger(expected) && expected >= 0 && expected <= 255
  if (!isCode && !isSignal(expected)) {
    throw new TypeError(
      `toHaveExitedWith: ${String(expected)} is neither an exit code (0 to 255) nor the name of a signal.`,
    )
  }
  checkOptions('toHaveExitedWith', options, waitRules)
  const isExpected = (exit: Pick<Exit, 'exitCode' | 'exitSignal'>): boolean =>
    (isCode ? exit.exitCode : exit.exitSignal) === expected
  const { exit } = await noted(
    'toHaveExitedWith',
    process,
    () =>
      retry(
        () => {
          const seen = process.record.lookAtExit()
          return { holds: seen !== undefined, exit: seen }
        },
        true,
        timeoutOf(options, process),
      ),
    (seen) => seen.exit !== undefined && isExpected(seen.exit) !== isNot,
  )
  // Neither the matcher nor its opposite holds for what still runs.
  const pass = exit === undefined ? isNot : isExpected(exit)
  return {
    pass,
    message: () =>
      `${hint('toHaveExitedWith', isNot, String(expected))}\n\nExpected it ${isNot ? 'not to have' : 'to have'} exited with ${expected}: ${describeProcess(process)}.${lastOutput(process)}`,
  }
}
