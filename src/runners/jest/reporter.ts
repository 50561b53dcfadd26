import { beginRun, endRun } from '../run.js'
import { refuseJestCoverage } from './coverage.js'
import { tellIfJestHangs } from './hang.js'
import { extendProject, type ProjectExtension, type StartingFile } from './projects-by-path.js'
import { watchJestThreads } from './threads.js'

/** What `withProctor` asks the reporter to do. */
export interface ReporterOptions {
  /** Whether the machine is swept at the end of the run. Default `true`. */
  readonly sweep?: boolean
  /** What each project gets that is given by its path. */
  readonly projects?: ProjectExtension
}

/**
 * A reporter that marks the run, and sweeps the machine at its end for what the run has left. It does what
 * `proctor/jest/global-setup` and `global-teardown` do, without taking the place of the user's global set-up.
 *
 * @example
 * module.exports = { reporters: ['default', 'proctor/jest/reporter'] }
 */
export class ProctorReporter {
  readonly #globalConfig: object | undefined
  readonly #options: ReporterOptions
  #message: string | undefined

  constructor(globalConfig?: object, options: ReporterOptions = {}) {
    this.#globalConfig = globalConfig
    this.#options = options
    refuseJestCoverage(globalConfig)
  }

  onRunStart(): void {
    if (this.#options.sweep === false) return
    beginRun()
    watchJestThreads(this.#globalConfig)
  }

  onTestFileStart(file: StartingFile): void {
    if (this.#options.projects !== undefined) extendProject(file.context.config, this.#options.projects)
  }

  async onRunComplete(contexts: Iterable<{ readonly config: object }> = []): Promise<void> {
    if (this.#options.sweep === false) return
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
