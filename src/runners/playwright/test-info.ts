import type { TestError, TestIdentity } from '../../trace/test-trace.js'

// The one description of what Playwright tells a fixture of its test: what its versions from 1.40 on have in common.

/** A file, or bytes, that stand with a test in Playwright's reports. */
export type Attachment = { readonly contentType: string } & ({ readonly path: string } | { readonly body: string })

export interface TestInfo {
  /** The file, the names of the blocks around the test, and its own. */
  readonly titlePath: readonly string[]
  readonly file: string
  readonly project: { readonly name: string; readonly testDir: string }
  readonly retry: number
  /** Where Playwright collects what belongs to this test. It empties the folder around it when a run begins. */
  readonly outputDir: string
  /** ms for the test as a whole; 0 is no limit. `test.setTimeout` changes it. */
  readonly timeout: number
  /** What has been thrown so far. */
  readonly errors: readonly { readonly message?: string; readonly value?: string; readonly stack?: string }[]
  /** `failed` inside of `test.fail()`. It is compared when the last clean-up is over. */
  expectedStatus?: string
  attach(name: string, attachment: Attachment): Promise<void>
}

/** Which test it is. */
export const identityOf = ({ titlePath, file, project, retry }: TestInfo): TestIdentity => ({
  names: titlePath.slice(1),
  file,
  project: project.name,
  root: project.testDir,
  retry,
})

/** Why a test has failed, as far as is known. */
export const errorsOf = ({ errors }: TestInfo): TestError[] =>
  errors.map(({ message, value = '', stack }) => ({ name: 'Error', message: message ?? value, stack }))
