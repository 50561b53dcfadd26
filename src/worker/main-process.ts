import { isMainThread } from 'node:worker_threads'
import { every } from '../base/clock.js'
import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { workerState } from './state.js'

/** ms between two looks at the parent of a test file of node:test. */
const lookInterval = 200

/**
 * Ends this worker with the runner's main process, which Vitest 4 and node:test do not do: the guardian then ends its
 * commands.
 */
export function endWithMain(): void {
  const state = workerState()
  const isRunnersWorker = process.env['VITEST_WORKER_ID'] !== undefined || process.env['JEST_WORKER_ID'] !== undefined
  // Jest runs in band in its main process, which has no channel at all.
  if (isRunnersWorker && realProcess.connected === false) {
    throw new ProctorError('The main process of the test runner has gone: no command is started any more.')
  }
  state.letGoOfMain ??= listen()
}

/** node:test reads what a test file prints, and has no channel to it. */
const isTestFile = (): boolean => realProcess.env['NODE_TEST_CONTEXT'] !== undefined && isMainThread

/** Ends this worker when its main process has gone. Returns a function that ends the listening. */
function listen(): (() => void) | undefined {
  const end = (): void => realProcess.exit(1)
  if (realProcess.connected) {
    realProcess.once('disconnect', end)
    return () => void realProcess.off('disconnect', end)
  }
  if (!isTestFile()) return undefined
  const runner = realProcess.ppid
  return every(lookInterval, () => {
    if (realProcess.ppid !== runner) end()
  })
}

/** Stops listening for the end of the main process, once there is neither a fixture nor a guard. */
export function letGoOfMain(): void {
  const state = workerState()
  if (state.fixtures.size > 0 || state.guards.size > 0) return
  state.letGoOfMain?.()
  state.letGoOfMain = undefined
}
