import { beginRun } from '../run.js'
import { refuseJestCoverage } from './coverage.js'
import { watchJestThreads } from './threads.js'

/**
 * Jest's `globalSetup`. Marks the run, so that `proctor/jest/global-teardown` finds what the run has left.
 *
 * @example
 * module.exports = { globalSetup: 'proctor/jest/global-setup', globalTeardown: 'proctor/jest/global-teardown' }
 */
export function setup(globalConfig?: object): void {
  refuseJestCoverage(globalConfig)
  beginRun()
  watchJestThreads(globalConfig)
}
