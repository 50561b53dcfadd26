import { expect } from '@jest/globals'
import { matchersWith } from '../../matchers/all.js'

/** Takes a snapshot as if the test had: jest-snapshot knows the running test. It throws if they differ. */
const snapshots = {
  toMatchSnapshot(text: string, hint: string | undefined) {
    // oxlint-disable-next-line vitest/no-standalone-expect, vitest/prefer-snapshot-hint -- a test's matcher calls it.
    expect(text).toMatchSnapshot(...([hint].filter((each) => each !== undefined) as [string]))
    return { pass: true, message: () => '' }
  },
}

let isExtended = false

/** Called once for each file, because Jest gives each file its own `expect` and its own modules. */
export function registerMatchers(): void {
  if (!isExtended) expect.extend(matchersWith(snapshots))
  isExtended = true
}
