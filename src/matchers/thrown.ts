import { leadingBack } from '../base/call-site.js'
import { isProctorError, type ProctorError } from '../base/errors.js'
import { escapeText } from '../base/escape.js'
import { isError, isRegExp } from '../base/kinds.js'
import { callSubject } from '../command/pending-matchers.js'
import { isInOutput, isOutput } from '../wait/pattern.js'
import {
  describeSubject,
  hint,
  type MatcherResult,
  type MatcherState,
  refuseSubject,
  stateOf,
  written,
} from './support.js'

async function judgeThrown(
  matcher: string,
  errorName: string,
  state: MatcherState,
  subject: unknown,
  expected: string | RegExp | undefined,
): Promise<MatcherResult> {
  const isNot = state.isNot ?? false
  const isPromise = typeof (subject as PromiseLike<unknown> | undefined)?.then === 'function'
  if (typeof subject !== 'function' && !isPromise) throw refuseSubject(matcher, 'a function or a promise', subject)
  if (expected !== undefined && typeof expected !== 'string' && !isRegExp(expected)) {
    throw new TypeError(`${matcher}: the output is a string or a regular expression, not ${describeSubject(expected)}.`)
  }
  let thrown: unknown
  let hasThrown = false
  const { result, commands } = callSubject(subject)
  const settle = async (): Promise<unknown> => result
  try {
    // Counts as looking at each command that the subject calls, until the subject has settled.
    await commands.reduce((inner, command) => () => command.during(matcher, inner), settle)()
  } catch (error) {
    thrown = error
    hasThrown = true
  }
  const isExpectedError = hasThrown && isProctorError(thrown, errorName)
  const output = isExpectedError ? (thrown as ProctorError & { output: string }).output.trimEnd() : ''
  const isExpectedOutput =
    expected === undefined || (typeof expected === 'string' ? isOutput(expected, output) : isInOutput(expected, output))
  const describeThrown = (): string => {
    if (!hasThrown) return 'nothing was thrown'
    if (!isError(thrown)) return `a thrown ${describeSubject(thrown)}`
    const isLookalike = thrown.name === errorName && !isExpectedError
    return `${thrown.name}${isLookalike ? ' (not proctor’s)' : ''}: ${escapeText(thrown.message)}`
  }
  const wished = expected === undefined ? '' : ` with output ${written(expected)}`
  return {
    pass: isExpectedError && isExpectedOutput,
    message: () =>
      `${hint(matcher, isNot)}\n\nExpected: ${isNot ? 'not ' : ''}${errorName}${wished}\nReceived: ${describeThrown()}`,
  }
}

/** Whether it rejects with `UnexpectedExitError`, and with this output. Evaluated once. */
export function toThrowUnexpectedExit(
  this: unknown,
  subject: unknown,
  output?: string | RegExp,
): Promise<MatcherResult> {
  return leadingBack(() => judgeThrown('toThrowUnexpectedExit', 'UnexpectedExitError', stateOf(this), subject, output))
}

/** Whether it rejects with `AlreadyExitedError`, and with this output. Evaluated once. */
export function toThrowAlreadyExited(
  this: unknown,
  subject: unknown,
  output?: string | RegExp,
): Promise<MatcherResult> {
  return leadingBack(() => judgeThrown('toThrowAlreadyExited', 'AlreadyExitedError', stateOf(this), subject, output))
}

/** Whether it rejects with `FailedExitError`, and with this output. Evaluated once. */
export function toThrowFailedExit(this: unknown, subject: unknown, output?: string | RegExp): Promise<MatcherResult> {
  return leadingBack(() => judgeThrown('toThrowFailedExit', 'FailedExitError', stateOf(this), subject, output))
}
