import { waitRules } from '../wait/options.js'
import { checkOptions } from '../base/check.js'
import { now, pollUntil } from '../base/clock.js'
import { ProctorError } from '../base/errors.js'
import type { TerminalProcess } from '../terminal/types.js'
import { asTerminal, type Terminal } from './screen.js'
import { storedSnapshot } from './stored-snapshot.js'
import {
  describeSubject,
  hint,
  type MatcherOptions,
  type MatcherResult,
  noted,
  retry,
  stateOf,
  timeoutOf,
} from './support.js'

// Snapshots are the runner's own: each runner's room says how.

/** ms without a change after which a screen counts as complete: programs draw in several parts. */
const stillness = 100

/** ms that a program gets to answer a key with another screen. */
const answerTime = 500

/** Whether the screen is not the one any more that was there when the last key was pressed. */
function hasAnswered({ lastInput, screen }: Terminal, begun: number): boolean {
  if (lastInput === undefined) return true
  return screen.stripped !== lastInput.screen || now() - Math.max(lastInput.at, begun) >= answerTime
}

/**
 * What the screen shows once something is on it, the program has answered the last key, and it keeps still; or what it
 * shows when the time is over.
 */
async function stillScreen(process: Terminal, timeout: number): Promise<string> {
  const begun = now()
  let [seen, since] = [process.screen.stripped, begun]
  await pollUntil(
    () => {
      process.record.throwUnlessStarted()
      const text = process.screen.stripped
      if (text !== seen) [seen, since] = [text, now()]
      const isStill = seen !== '' && hasAnswered(process, begun) && now() - since >= stillness
      return isStill || (process.isSettled && process.isOutputClosed) ? true : undefined
    },
    timeout,
    20,
  )
  return process.screen.stripped
}

/** The screen once it is what is expected, or will not be any more. */
async function screenUntil(process: Terminal, expected: string, timeout: number): Promise<string> {
  const isFinal = (): boolean => process.isSettled && process.isOutputClosed
  await retry(() => ({ holds: process.screen.stripped === expected, isFinal: isFinal() }), true, timeout)
  return process.screen.stripped
}

/** How a runner keeps snapshots. What it lacks cannot be done there. */
export interface SnapshotSupport {
  /** Compares with what is stored beside the tests, or stores it. Called with the matcher's `this`. */
  toMatchSnapshot?(this: unknown, text: string, hint: string | undefined): MatcherResult
  /** Called at once: a turn of the event loop later nothing leads back to the line of the test. */
  rememberPlace?(this: unknown): void
  /** Compares with what stands in the test, or writes it there. */
  toMatchInlineSnapshot?(this: unknown, text: string, snapshot: string | undefined): MatcherResult
}

/** An inline snapshot without what a formatter and a runner put around the text: indentation, line ends, quotes. */
export function unwrap(snapshot: string): string {
  const lines = snapshot.replaceAll('\r\n', '\n').split('\n')
  const isWrapped = lines.length > 1 && lines[0]!.trim() === '' && lines.at(-1)!.trim() === ''
  const inner = isWrapped ? lines.slice(1, -1) : lines
  const indentation = isWrapped ? (/^[ \t]*/.exec(inner[0] ?? '')?.[0] ?? '') : ''
  const text = inner.map((line) => (line.startsWith(indentation) ? line.slice(indentation.length) : line)).join('\n')
  const isQuoted = text.length > 1 && text.startsWith('"') && text.trimEnd().endsWith('"')
  return (isQuoted ? text.trimEnd().slice(1, -1) : text).replaceAll(/[ \t]+$/gm, '').trimEnd()
}

/** The snapshot matchers of a runner. */
export function screenSnapshots(support: SnapshotSupport): {
  toMatchScreenSnapshot: typeof toMatchScreenSnapshot
  toMatchScreenInlineSnapshot: typeof toMatchScreenInlineSnapshot
} {
  return {
    toMatchScreenSnapshot(subject, name, options) {
      return judgeSnapshot.call(this, subject, name, options, support)
    },
    toMatchScreenInlineSnapshot(subject, snapshot, options) {
      return judgeInlineSnapshot.call(this, subject, snapshot, options, support)
    },
  }
}

const refuseNot = (matcher: string, self: unknown): void => {
  if (stateOf(self).isNot === true) throw new TypeError(`${matcher}: .not makes no sense of a snapshot.`)
}

async function judgeSnapshot(
  this: unknown,
  subject: unknown,
  name: string | undefined,
  options: MatcherOptions | undefined,
  support: SnapshotSupport,
): Promise<MatcherResult> {
  const matcher = 'toMatchScreenSnapshot'
  refuseNot(matcher, this)
  const process = asTerminal(matcher, subject)
  if (name !== undefined && typeof name !== 'string') {
    throw new TypeError(`${matcher}: the snapshot's name is a string, not ${describeSubject(name)}.`)
  }
  checkOptions(matcher, options, waitRules)
  if (support.toMatchSnapshot === undefined) {
    throw new ProctorError(
      `${matcher}: this runner keeps no snapshots that are known here. Accepted are the matchers of proctor/vitest and proctor/jest, and toMatchScreenInlineSnapshot with a text.`,
    )
  }
  const timeout = timeoutOf(options, process)
  const stored = storedSnapshot(this, name)
  const text = await noted(matcher, process, () =>
    stored === undefined ? stillScreen(process, timeout) : screenUntil(process, unwrap(stored), timeout),
  )
  return support.toMatchSnapshot.call(this, text, name)
}

async function judgeInlineSnapshot(
  this: unknown,
  subject: unknown,
  snapshot: string | undefined,
  options: MatcherOptions | undefined,
  support: SnapshotSupport,
): Promise<MatcherResult> {
  const matcher = 'toMatchScreenInlineSnapshot'
  refuseNot(matcher, this)
  const process = asTerminal(matcher, subject)
  if (snapshot !== undefined && typeof snapshot !== 'string') {
    throw new TypeError(`${matcher}: the snapshot is a string, not ${describeSubject(snapshot)}.`)
  }
  checkOptions(matcher, options, waitRules)
  support.rememberPlace?.call(this)
  const timeout = timeoutOf(options, process)
  const text = await noted(matcher, process, async () => {
    return snapshot === undefined ? stillScreen(process, timeout) : screenUntil(process, unwrap(snapshot), timeout)
  })
  if (support.toMatchInlineSnapshot !== undefined) {
    return support.toMatchInlineSnapshot.call(this, text, snapshot)
  }
  if (snapshot === undefined) {
    throw new ProctorError(`${matcher}: this runner cannot write it into the test. The screen is:\n\n${text}`)
  }
  return {
    pass: unwrap(snapshot) === text,
    message: () => `${hint(matcher, false)}\n\nExpected the screen\n\n${unwrap(snapshot)}\n\nbut it is\n\n${text}`,
  }
}

const none = screenSnapshots({})

/** Whether the screen, once it is still, is what is stored beside the tests. */
export function toMatchScreenSnapshot(
  this: unknown,
  subject: TerminalProcess,
  name?: string,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return none.toMatchScreenSnapshot.call(this, subject, name, options)
}

/** Whether the screen is what stands in the test. Retries. */
export function toMatchScreenInlineSnapshot(
  this: unknown,
  subject: TerminalProcess,
  snapshot?: string,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return none.toMatchScreenInlineSnapshot.call(this, subject, snapshot, options)
}
