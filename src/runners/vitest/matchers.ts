import { expect } from 'vitest'
import { type MatcherName, matcherNames } from '../../matchers/names.js'
import type { MatcherResult } from '../../matchers/support.js'
import type { SnapshotSupport } from '../../matchers/snapshot-support.js'
import { leadingBack, withManyFrames } from '../../base/call-site.js'
import { claimed } from '../../wait/claim.js'
import { type Loaded, whenLoaded } from './load.js'
import type { matchersWith } from './provide.js'
import { chai, Snapshots } from './runner.js'

type Matcher = (this: unknown, ...received: unknown[]) => Promise<MatcherResult>

const snapshots: SnapshotSupport =
  Snapshots === undefined
    ? {
        // Before Vitest 4.1 a matcher cannot take a snapshot for its caller. It takes one as if the test had.
        toMatchSnapshot(text, hint) {
          // oxlint-disable-next-line vitest/no-standalone-expect -- a test's matcher calls it.
          expect(text).toMatchSnapshot(hint)
          return { pass: true, message: () => '' }
        },
      }
    : (Snapshots as SnapshotSupport)

/**
 * Tells Vitest where in the test it writes an inline snapshot. A turn of the event loop later, when the matchers have
 * been loaded or the screen is as expected, the stack does not contain that line any more.
 */
function rememberPlace({ assertion }: { readonly assertion: object }): void {
  chai?.util.flag(
    assertion,
    'error',
    withManyFrames(() => new Error('snapshot')),
  )
}

let all: ReturnType<typeof matchersWith> | undefined

const onDemand = (name: MatcherName): Matcher =>
  function (...received) {
    if (Snapshots !== undefined && name.endsWith('InlineSnapshot'))
      rememberPlace(this as { readonly assertion: object })
    const claim = { isAwaited: false, isReported: false }
    // These are of the module that the matchers are in: this entry point is a file of its own, with its own copies.
    const judge = ({ matchersWith: make, whileClaimed, whileLed }: Loaded): Promise<MatcherResult> => {
      all ??= make(snapshots)
      const matcher = all[name]
      const call = () => Reflect.apply(matcher, this, received) as Promise<MatcherResult>
      return whileClaimed(claim, () => whileLed(call))
    }
    return claimed(
      claim,
      leadingBack(() => whenLoaded(judge)),
    )
  }

/** The matchers. Each loads what it needs when it is called. */
export const matchers = Object.fromEntries(matcherNames.map((name) => [name, onDemand(name)]))
