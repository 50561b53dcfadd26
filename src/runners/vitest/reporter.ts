import type { Reporter, TestModule, Vitest } from 'vitest/node'
import { formatSummary, type Summarised } from './summary.js'
import type { ProctorMeta } from './task-meta.js'

/**
 * A reporter of one line at the end of a run: commands, processes that had to be ended, leaks, the slowest teardown.
 * Nothing when no test ran a command.
 *
 * @example
 * export default defineConfig({ test: { reporters: ['default', 'proctor/vitest/reporter'] } })
 */
export class ProctorReporter implements Reporter {
  #log = (line: string): void => void process.stdout.write(`${line}\n`)

  onInit({ logger }: Vitest): void {
    this.#log = (line) => logger.log(line)
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const summarised = modules.flatMap((module): Summarised[] => [
      { name: module.relativeModuleId ?? module.moduleId, meta: metaOf(module) },
      ...[...module.children.allTests()].map((test) => ({
        name: `${module.relativeModuleId ?? module.moduleId} > ${test.fullName}`,
        meta: metaOf(test),
      })),
    ])
    const line = formatSummary(summarised)
    if (line !== undefined) this.#log(line)
  }
}

const metaOf = (entity: { meta(): object }): ProctorMeta | undefined =>
  (entity.meta() as { proctor?: ProctorMeta }).proctor
