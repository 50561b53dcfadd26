import { AssertionError } from 'node:assert'
import { type PlainMatcherName, plainMatchers } from '../../matchers/all.js'
import type { MatcherResult } from '../../matchers/support.js'
import type { ProctorMatchers } from '../../matchers/types.js'

// The matchers for a runner that has no `expect`. Matchers that keep snapshots exist only for Vitest and Jest.

/** The matchers on one subject. All are async: await them. */
export type NodeTestMatchers = Pick<ProctorMatchers, PlainMatcherName>
export type NodeTestAssertion = NodeTestMatchers & { readonly not: NodeTestMatchers }

type Matcher = (this: unknown, ...received: unknown[]) => Promise<MatcherResult>

function matchersOn(subject: unknown, isNot: boolean): NodeTestMatchers {
  const asserting = (matcher: Matcher) =>
    async function assertion(...parameters: unknown[]): Promise<void> {
      // An error leads to the test's line that called the matcher.
      const site: { stack?: string } = {}
      Error.captureStackTrace(site, assertion)
      const { pass, message } = await Reflect.apply(matcher, { isNot }, [subject, ...parameters])
      if (pass !== isNot) return
      const error = new AssertionError({ message: message() })
      error.stack = `${error.name}: ${error.message}${site.stack?.slice(site.stack.indexOf('\n')) ?? ''}`
      throw error
    }
  const entries = Object.entries(plainMatchers).map(([name, matcher]) => [
    name,
    asserting(matcher as unknown as Matcher),
  ])
  return Object.fromEntries(entries) as NodeTestMatchers
}

/**
 * The matchers as functions that throw Node's `AssertionError`.
 *
 * @example
 * await expect(server).toBeDead('server.pid')
 * await expect(server).not.toHaveOutput('error')
 */
export const expect = (subject: unknown): NodeTestAssertion => ({
  ...matchersOn(subject, false),
  not: matchersOn(subject, true),
})
