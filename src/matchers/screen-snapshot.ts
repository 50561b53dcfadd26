import { leadingBack } from '../base/call-site.js'
import { now, pollUntil } from '../base/clock.js'
import type { TerminalProcess } from '../terminal/types.js'
import { asTerminal, type Terminal } from './screen.js'
import { assertStores, checkText, matchInline, refuseNot, type SnapshotSupport, unwrap } from './snapshot-support.js'
import { storedSnapshot } from './stored-snapshot.js'
import {
  checkWait,
  isOutputFinal,
  type MatcherOptions,
  type MatcherResult,
  noted,
  retry,
  timeoutOf,
} from './support.js'

/** ms without a change after which a screen counts as complete. Programs draw in several parts. */
const stillness = 100

/** ms that a program gets to respond to a key with another screen. */
const answerTime = 500

/**
 * The screen once something is on it, the program has responded to the last key, and nothing changes any more, or when
 * the time is over.
 */
async function stillScreen(process: Terminal, timeout: number): Promise<string> {
  const begun = now()
  let [seen, since] = [process.screen.stripped, begun]
  // After a key, the next part of the response may take as long as the first.
  const quiet = process.lastInput === undefined ? stillness : answerTime
  await pollUntil(
    () => {
      process.record.throwUnlessStarted()
      const text = process.screen.stripped
      if (text !== seen) [seen, since] = [text, now()]
      const isStill = seen !== '' && now() - since >= quiet
      return isStill || isOutputFinal(process) ? true : undefined
    },
    timeout,
    20,
  )
  return process.screen.stripped
}

/** The screen once it is as expected, or cannot become so any more. */
async function screenUntil(process: Terminal, expected: string, timeout: number): Promise<string> {
  await retry(() => ({ holds: process.screen.stripped === expected, isFinal: isOutputFinal(process) }), true, timeout)
  return process.screen.stripped
}

/** The snapshot matchers of a runner. */
export function screenSnapshots(support: SnapshotSupport): {
  toMatchScreenSnapshot: typeof toMatchScreenSnapshot
  toMatchScreenInlineSnapshot: typeof toMatchScreenInlineSnapshot
} {
  return {
    toMatchScreenSnapshot(subject, name, options) {
      return leadingBack(() => judgeSnapshot.call(this, subject, name, options, support))
    },
    toMatchScreenInlineSnapshot(subject, snapshot, options) {
      return leadingBack(() => judgeInlineSnapshot.call(this, subject, snapshot, options, support))
    },
  }
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
  checkText(matcher, "snapshot's name", name)
  checkWait(matcher, options)
  assertStores(matcher, support)
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
  checkText(matcher, 'snapshot', snapshot)
  checkWait(matcher, options)
  const timeout = timeoutOf(options, process)
  const text = await noted(matcher, process, async () => {
    return snapshot === undefined ? stillScreen(process, timeout) : screenUntil(process, unwrap(snapshot), timeout)
  })
  return matchInline(this, matcher, support, 'screen', text, snapshot)
}

const none = screenSnapshots({})

/** Whether the screen, once nothing changes any more, equals the snapshot stored beside the tests. */
export function toMatchScreenSnapshot(
  this: unknown,
  subject: TerminalProcess,
  name?: string,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return none.toMatchScreenSnapshot.call(this, subject, name, options)
}

/** Whether the screen equals the snapshot in the test. Retries. */
export function toMatchScreenInlineSnapshot(
  this: unknown,
  subject: TerminalProcess,
  snapshot?: string,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return none.toMatchScreenInlineSnapshot.call(this, subject, snapshot, options)
}
