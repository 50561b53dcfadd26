import type { TestProject } from 'vitest/node'
import { received } from '../carried.js'
import { beginRun, endRun } from '../run.js'
import { collectCoverage } from './coverage.js'
import { hostThreads } from '../../worker/choose-containment.js'

/**
 * Vitest's `globalSetup`: marks the run, and at its end sweeps the machine for what the run left.
 *
 * @example
 * export default defineConfig({ test: { globalSetup: ['proctor/vitest/global-setup'] } })
 */
export function setup(project?: TestProject): () => Promise<void> {
  // In the pools threads and vmThreads orphans come to this thread, and strict containment is had through it.
  // Beside projects in processes it cannot be: their workers' orphans would come to this thread as well.
  const projects = project?.vitest.projects ?? []
  const isAllThreads = projects.length > 0 && projects.every(({ config }) => /threads/i.test(config.pool))
  const threads = isAllThreads ? hostThreads() : undefined
  beginRun(received(project?.config.provide?.proctorOptions)?.allow)
  const endCoverage = project === undefined ? () => {} : collectCoverage(project.vitest)
  return async () => {
    endCoverage()
    if (typeof threads === 'function') threads()
    const message = await endRun()
    if (message === undefined) return
    process.stderr.write(`\n${message}\n`)
    // Vitest 4 exits with 0 when a global teardown throws.
    process.exitCode = 1
  }
}
