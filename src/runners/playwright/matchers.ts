import { leadingBack, whileLed } from '../../base/call-site.js'
import type { PlainMatcherName } from '../../matchers/all.js'
import { matcherNames } from '../../matchers/names.js'
import type { MatcherResult } from '../../matchers/support.js'
import type { ProctorMatchers } from '../../matchers/types.js'

/**
 * The matchers as Playwright's `expect.extend` takes them. Matchers that keep snapshots exist only for Vitest and Jest.
 */
export type PlaywrightMatchers = {
  [Name in PlainMatcherName]: (
    subject: unknown,
    ...parameters: Parameters<ProctorMatchers[Name]>
  ) => Promise<MatcherResult>
}

type Matcher = (this: unknown, ...received: unknown[]) => Promise<MatcherResult>

const onDemand = (name: PlainMatcherName): Matcher =>
  function (...received) {
    return leadingBack(async () => {
      const { plainMatchers } = await import('./provide.js')
      return whileLed(() => Reflect.apply(plainMatchers[name] as unknown as Matcher, this, received))
    })
  }

const isPlain = (name: (typeof matcherNames)[number]): name is PlainMatcherName => !name.endsWith('Snapshot')

/** The matchers. Each loads what it needs when it is called. */
export const matchers = Object.fromEntries(
  matcherNames.filter(isPlain).map((name) => [name, onDemand(name)]),
) as unknown as PlaywrightMatchers
