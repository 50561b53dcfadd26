import type { TestError, TestIdentity } from '../../trace/test-trace.js'

// The one description of what Playwright tells a fixture about its test: the part that the versions since 1.40 have in
// common.

/** A file, or bytes, that Playwright's reports show with a test. */
export type Attachment = { readonly contentType: string } & ({ readonly path: string } | { readonly body: string })

export interface TestInfo {
  /** The file, the names of the blocks around the test, and its own name. */
  readonly titlePath: readonly string[]
  readonly file: string
  readonly project: { readonly name: string; readonly testDir: string }
  readonly retry: number
  /** The folder for the files of this test. Playwright empties the folder around it when a run begins. */
  readonly outputDir: string
  /** ms for the whole test; 0 means no limit. `test.setTimeout` changes it. */
  readonly timeout: number
  /** The errors thrown so far. */
  readonly errors: readonly { readonly message?: string; readonly value?: string; readonly stack?: string }[]
  /** `failed` after `test.fail()`. Playwright compares it after the last clean-up. */
  expectedStatus?: string
  attach(name: string, attachment: Attachment): Promise<void>
}

/** The file, names, project and retry of a test. */
export const identityOf = ({ titlePath, file, project, retry }: TestInfo): TestIdentity => ({
  names: titlePath.slice(1),
  file,
  project: project.name,
  root: project.testDir,
  retry,
})

/** The reasons why a test has failed, as far as they are known. */
export const errorsOf = ({ errors }: TestInfo): TestError[] =>
  errors.map(({ message, value = '', stack }) => ({ name: 'Error', message: message ?? value, stack }))
