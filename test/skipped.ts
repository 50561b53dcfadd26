import { relative } from 'node:path'
import type { Reporter, TestModule, Vitest } from 'vitest/node'
import { root } from './inner-run.js'

/** Lists the skipped tests by name at the end of a run, each with its reason if it has one. */
export default class Skipped implements Reporter {
  #vitest: Vitest | undefined

  onInit(vitest: Vitest): void {
    this.#vitest = vitest
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    // Tests that `-t` leaves out are not worth reporting.
    const isPart = this.#vitest?.getGlobalTestNamePattern() !== undefined
    const lines = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].flatMap((test) => {
        const result = test.result()
        const note = result.state === 'skipped' ? result.note : undefined
        if (isPart && note === undefined) return []
        return `  ${relative(root, module.moduleId)} > ${test.fullName}${note === undefined ? '' : ` [${note}]`}`
      }),
    )
    if (lines.length > 0) process.stdout.write(`\nSkipped, ${lines.length}:\n${lines.join('\n')}\n`)
  }
}
