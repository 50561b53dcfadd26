import { leadingBack } from '../base/call-site.js'
import { isRegExp } from '../base/kinds.js'
import { nearestHint } from '../command/hints.js'
import type { Process } from '../command/process.js'
import { isInOutput } from '../wait/pattern.js'
import {
  checkWait,
  describeSubject,
  hint,
  isOutputFinal,
  type MatcherOptions,
  type MatcherResult,
  messageAbout,
  retryOn,
  stateOf,
  subjectCommand,
  written,
} from './support.js'

/** Whether the output so far contains a text or matches a regular expression. Retries. */
export function toHaveOutput(
  this: unknown,
  subject: Process,
  expected: string | RegExp,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return leadingBack(async () => {
    const { isNot = false } = stateOf(this)
    const process = subjectCommand('toHaveOutput', subject)
    if (typeof expected !== 'string' && !isRegExp(expected)) {
      throw new TypeError(
        `toHaveOutput: expected is a string or a regular expression, not ${describeSubject(expected)}.`,
      )
    }
    checkWait('toHaveOutput', options)
    const look = () => {
      process.record.throwUnlessStarted()
      const holds = isInOutput(expected, process.log.text(), process.lastScreen() !== undefined)
      return { isFinal: isOutputFinal(process), holds }
    }
    const hints = (): string[] =>
      [nearestHint(expected, process.log.text()), ...process.hints()].filter((line) => line !== undefined)
    const { holds } = await retryOn('toHaveOutput', process, look, !isNot, options)
    return {
      pass: holds,
      message: () => {
        const sentence = `Expected the output ${isNot ? 'not to have' : 'to have'} ${written(expected)}`
        return messageAbout(process, hint('toHaveOutput', isNot, written(expected)), sentence, isNot ? [] : hints())
      },
    }
  })
}
