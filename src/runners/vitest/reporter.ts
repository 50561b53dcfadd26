import { dirname } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'
import { HtmlReport } from './html-report.js'
import { wallClock } from '../../base/clock.js'
import { sumUpLeaks } from '../leak-list.js'
import { forgetNamedTraces, listTraces } from '../trace-lists.js'
import { formatSummary, type Summarised } from './summary.js'
import type { ProctorMeta } from './task-meta.js'

/**
 * A reporter that prints one line at the end of a run: commands, processes that had to be ended, leaks, the slowest
 * teardown. A second line names the list of the run's traces. What the guards have found is summed up by line of code.
 * It prints nothing if no test ran a command.
 *
 * @example
 * export default defineConfig({ test: { reporters: ['default', 'proctor/vitest/reporter'] } })
 */
export class ProctorReporter implements Reporter {
  #log = (line: string): void => void process.stdout.write(`${line}\n`)

  #begunAt = 0
  #html: HtmlReport | undefined

  onTestRunStart(): void {
    forgetNamedTraces()
    this.#begunAt = Math.floor(wallClock())
  }

  onInit({ logger, config }: Vitest): void {
    this.#log = (line) => logger.log(line)
    this.#html = HtmlReport.of(config)
  }

  onTestModuleEnd(module: TestModule): void {
    for (const test of module.children.allTests()) this.#html?.addTrace(test, metaOf(test)?.trace)
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
    for (const text of sumUpLeaks()) this.#log(text)
    const traces = summarised.flatMap(({ meta }) => (meta?.trace === undefined ? [] : [dirname(meta.trace)]))
    for (const list of listTraces([...new Set(traces)], this.#begunAt)) this.#log(list)
  }
}

const metaOf = (entity: { meta(): object }): ProctorMeta | undefined =>
  (entity.meta() as { proctor?: ProctorMeta }).proctor
