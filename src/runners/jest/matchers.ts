import { expect } from '@jest/globals'
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

/** Once a file: Jest gives each file an `expect` of its own, and modules of its own. */
export function registerMatchers(): void {
  if (!isExtended) expect.extend(matchersWith(snapshots))
  isExtended = true
}
