import { beginRun } from '../run.js'
import { refuseJestCoverage } from './coverage.js'

/**
 * Jest's `globalSetup`: marks the run, so that `proctor/jest/global-teardown` finds at its end what the run left.
 *
 * @example
 * module.exports = { globalSetup: 'proctor/jest/global-setup', globalTeardown: 'proctor/jest/global-teardown' }
 */
export function setup(globalConfig?: object): void {
  refuseJestCoverage(globalConfig)
  beginRun()
}
