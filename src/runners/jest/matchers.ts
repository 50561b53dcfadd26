import { expect } from '@jest/globals'
import { leadingBack } from '../../base/call-site.js'
import { matchersWith } from '../../matchers/all.js'

/** As if the test had written it: jest-snapshot knows the test that runs. It throws when they differ. */
const snapshots = {
  toMatchSnapshot(text: string, hint: string | undefined) {
    // oxlint-disable-next-line vitest/no-standalone-expect, vitest/prefer-snapshot-hint -- a test's matcher calls it.
    expect(text).toMatchSnapshot(...([hint].filter((each) => each !== undefined) as [string]))
    return { pass: true, message: () => '' }
  },
}

let isExtended = false

type Matcher = (this: unknown, ...received: unknown[]) => Promise<{ pass: boolean; message: () => string }>

const leading = ([name, matcher]: [string, unknown]): [string, Matcher] => [
  name,
  function (...received) {
    return leadingBack(() => Reflect.apply(matcher as Matcher, this, received))
  },
]

/** Once a file: Jest gives each file an `expect` of its own, and modules of its own. */
export function registerMatchers(): void {
  if (!isExtended) expect.extend(Object.fromEntries(Object.entries(matchersWith(snapshots)).map(leading)))
  isExtended = true
}
