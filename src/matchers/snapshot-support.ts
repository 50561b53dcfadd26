import { ProctorError } from '../base/errors.js'
import { describeSubject, hint, type MatcherResult, stateOf } from './support.js'

// The common part of the matchers that compare with a snapshot. The runners keep the snapshots; the room of each runner
// says how.

/** How a runner keeps snapshots. What is missing here is impossible there. */
export interface SnapshotSupport {
  /** Compares with the snapshot stored beside the tests, or stores it. Called with the matcher's `this`. */
  toMatchSnapshot?(this: unknown, text: string, hint: string | undefined): MatcherResult
  /** Compares with the snapshot in the test, or writes it there. */
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

export const refuseNot = (matcher: string, self: unknown): void => {
  if (stateOf(self).isNot === true) throw new TypeError(`${matcher}: .not makes no sense of a snapshot.`)
}

export function checkText(matcher: string, what: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return
  throw new TypeError(`${matcher}: the ${what} is a string, not ${describeSubject(value)}.`)
}

/**
 * Throws if the runner stores no snapshots, or stores them in an unknown way.
 *
 * @throws {ProctorError}
 */
export function assertStores(
  matcher: string,
  support: SnapshotSupport,
): asserts support is SnapshotSupport & Required<Pick<SnapshotSupport, 'toMatchSnapshot'>> {
  if (support.toMatchSnapshot !== undefined) return
  const inline = matcher.replace(/Snapshot$/, 'InlineSnapshot')
  throw new ProctorError(
    `${matcher}: this runner keeps no snapshots that are known here. Accepted are the matchers of proctor/vitest and proctor/jest, and ${inline} with a text.`,
  )
}

/** Compares a text with the snapshot in the test. `self` is the matcher's `this`. */
export function matchInline(
  self: unknown,
  matcher: string,
  support: SnapshotSupport,
  what: 'screen' | 'workspace',
  text: string,
  snapshot: string | undefined,
): MatcherResult {
  if (support.toMatchInlineSnapshot !== undefined) return support.toMatchInlineSnapshot.call(self, text, snapshot)
  if (snapshot === undefined) {
    throw new ProctorError(`${matcher}: this runner cannot write it into the test. The ${what} is:\n\n${text}`)
  }
  const expected = unwrap(snapshot)
  return {
    pass: expected === text,
    message: () => `${hint(matcher, false)}\n\nExpected the ${what}\n\n${expected}\n\nbut it is\n\n${text}`,
  }
}
