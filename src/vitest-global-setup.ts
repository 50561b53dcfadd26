import type { TestProject } from 'vitest/node'
import { beginRun, endRun } from './fixture/run.js'
import { hostThreads } from './system/worker-state.js'

/**
 * Vitest's `globalSetup`: marks the run, and at its end sweeps the machine for what the run left.
 *
 * @example
 * export default defineConfig({ test: { globalSetup: ['proctor/vitest/global-setup'] } })
 */
export default function setup(project?: TestProject): () => Promise<void> {
  // In the pools threads and vmThreads orphans come to this thread, and strict containment is had through it.
  const threads = /threads/i.test(project?.config.pool ?? 'threads') ? hostThreads() : undefined
  beginRun(project?.config.provide?.proctorOptions?.allow)
  return async () => {
    if (typeof threads === 'function') threads()
    const message = await endRun()
    if (message === undefined) return
    process.stderr.write(`\n${message}\n`)
    // Vitest 4 exits with 0 when a global teardown throws.
    process.exitCode = 1
  }
}
