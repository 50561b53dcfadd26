import { beginRun, endRun } from '../run.js'
import { refuseJestCoverage } from './coverage.js'
import { tellIfJestHangs } from './hang.js'
import { watchJestThreads } from './threads.js'

/**
 * A reporter that marks the run, and sweeps the machine at its end for what the run has left. It does what
 * `proctor/jest/global-setup` and `global-teardown` do, without taking the place of the user's global set-up.
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
    watchJestThreads(this.#globalConfig)
  }

  async onRunComplete(contexts: Iterable<{ readonly config: object }> = []): Promise<void> {
    watchJestThreads(
      this.#globalConfig,
      [...contexts].map(({ config }) => config),
    )
    this.#message = await endRun()
    tellIfJestHangs(this.#globalConfig)
    if (this.#message !== undefined) process.stderr.write(`\n${this.#message}\n`)
  }

  /** Jest calls this when the run is complete, and fails the run if it returns an error. */
  getLastError(): Error | undefined {
    return this.#message === undefined ? undefined : new Error(this.#message)
  }
}
