import { waitRules } from '../wait/options.js'
import { commandOf } from '../command/handle.js'
import { checkOptions } from '../base/check.js'
import { isRegExp } from '../base/kinds.js'
import type { Process } from '../command/process.js'
import { isInOutput } from '../wait/pattern.js'
import {
  describeProcess,
  describeSubject,
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

/** Whether the output so far contains a text or matches a regular expression. Retries. */
export async function toHaveOutput(
  this: unknown,
  subject: Process,
  expected: string | RegExp,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  const { isNot = false } = stateOf(this)
  const process = commandOf(subject)
  if (process === undefined) throw refuseSubject('toHaveOutput', 'a process', subject)
  if (typeof expected !== 'string' && !isRegExp(expected)) {
    throw new TypeError(`toHaveOutput: expected is a string or a regular expression, not ${describeSubject(expected)}.`)
  }
  checkOptions('toHaveOutput', options, waitRules)
  const { holds } = await noted(
    'toHaveOutput',
    process,
    () =>
      retry(
        () => {
          process.record.throwUnlessStarted()
          // A program that has ended writes no more, unless something that it started still holds its output.
          const isFound = isInOutput(expected, process.log.text(), process.lastScreen() !== undefined)
          return { isFinal: process.isSettled && process.isOutputClosed, holds: isFound }
        },
        !isNot,
        timeoutOf(options, process),
      ),
    (seen) => seen.holds !== isNot,
  )
  return {
    pass: holds,
    message: () => {
      const wished = typeof expected === 'string' ? JSON.stringify(expected) : String(expected)
      const verb = isNot ? 'not to have' : 'to have'
      return `${hint('toHaveOutput', isNot, wished)}\n\nExpected the output ${verb} ${wished}: ${describeProcess(process)}.${lastOutput(process)}`
    },
  }
}
