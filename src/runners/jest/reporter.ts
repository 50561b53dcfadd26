import { beginRun, endRun } from '../run.js'
import { refuseJestCoverage } from './coverage.js'
import { tellIfJestHangs } from './hang.js'

/**
 * A reporter of Jest's that marks the run, and at its end sweeps the machine for what the run left: what
 * `proctor/jest/global-setup` and `global-teardown` do, beside a global set-up of one's own.
 *
 * @example
 * module.exports = { reporters: ['default', 'proctor/jest/reporter'] }
 */
export class ProctorReporter {
  readonly #globalConfig: object | undefined
  #message: string | undefined

  constructor(globalConfig?: object) {
    this.#globalConfig = globalConfig
    refuseJestCoverage(globalConfig)
  }

  onRunStart(): void {
    beginRun()
  }

  async onRunComplete(): Promise<void> {
    this.#message = await endRun()
    tellIfJestHangs(this.#globalConfig)
    if (this.#message !== undefined) process.stderr.write(`\n${this.#message}\n`)
  }

  /** Jest asks for it when the run is complete, and fails the run for it. */
  getLastError(): Error | undefined {
    return this.#message === undefined ? undefined : new Error(this.#message)
  }
}
