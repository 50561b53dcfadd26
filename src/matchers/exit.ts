import { leadingBack } from '../base/call-site.js'
import { isSignal } from '../base/check.js'
import type { Exit, Process } from '../command/process.js'
import {
  checkWait,
  hint,
  type MatcherOptions,
  type MatcherResult,
  messageAbout,
  retryOn,
  stateOf,
  subjectCommand,
} from './support.js'

/** Whether a command exited with a code or a signal. Waits for the exit, and marks it as seen. */
export function toHaveExitedWith(
  this: unknown,
  subject: Process,
  expected: number | NodeJS.Signals,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return leadingBack(async () => {
    const { isNot = false } = stateOf(this)
    const process = subjectCommand('toHaveExitedWith', subject)
    const isCode = typeof expected === 'number' && Number.isInteger(expected) && expected >= 0 && expected <= 255
    if (!isCode && !isSignal(expected)) {
      throw new TypeError(
        `toHaveExitedWith: ${String(expected)} is neither an exit code (0 to 255) nor the name of a signal.`,
      )
    }
    checkWait('toHaveExitedWith', options)
    const look = () => {
      const exit = process.record.lookAtExit()
      return { holds: exit !== undefined, exit }
    }
    const isExpected = (exit: Pick<Exit, 'exitCode' | 'exitSignal'>): boolean =>
      (isCode ? exit.exitCode : exit.exitSignal) === expected
    const { exit } = await retryOn(
      'toHaveExitedWith',
      process,
      look,
      true,
      options,
      (seen) => seen.exit !== undefined && isExpected(seen.exit) !== isNot,
    )
    // Neither the matcher nor its opposite holds for a running process.
    const pass = exit === undefined ? isNot : isExpected(exit)
    return {
      pass,
      message: () => {
        const sentence = `Expected it ${isNot ? 'not to have' : 'to have'} exited with ${expected}`
        return messageAbout(process, hint('toHaveExitedWith', isNot, String(expected)), sentence, process.hints(true))
      },
    }
  })
}
