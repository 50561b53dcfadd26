import type { TestProject } from 'vitest/node'
import { received } from '../carried.js'
import { beginRun, endRun, watchThreads } from '../run.js'
import { collectCoverage } from './coverage.js'
import { hostThreads } from '../../worker/choose-containment.js'

/**
 * Vitest's `globalSetup`. Marks the run, and sweeps the machine at its end for what the run has left.
 *
 * @example
 * export default defineConfig({ test: { globalSetup: ['proctor/vitest/global-setup'] } })
 */
export function setup(project?: TestProject): () => Promise<void> {
  // In the pools threads and vmThreads, orphans are adopted by this process, and only this thread can offer strict
  // containment. If other projects run in child processes it must not, because it would adopt their workers' orphans as
  // well.
  const projects = project?.vitest.projects ?? []
  const isAllThreads = projects.length > 0 && projects.every(({ config }) => /threads/i.test(config.pool))
  const threads = isAllThreads ? hostThreads() : undefined
  beginRun(received(project?.config.provide?.proctorOptions)?.allow)
  if (projects.some(({ config }) => /threads/i.test(config.pool))) {
    watchThreads(received(project?.config.provide?.proctorGuard))
  }
  const endCoverage = project === undefined ? () => {} : collectCoverage(project.vitest)
  return async () => {
    endCoverage()
    // The containment of the threads ends what nobody claims, without a word. So this looks first.
    const message = await endRun()
    if (typeof threads === 'function') threads()
    if (message === undefined) return
    process.stderr.write(`\n${message}\n`)
    // Vitest 4 exits with 0 if a global teardown throws.
    process.exitCode = 1
  }
}
