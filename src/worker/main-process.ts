import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { workerState } from './state.js'

/** Ends this worker with the runner's main process, which Vitest 4 does not do: the guardian then ends its commands. */
export function endWithMain(): void {
  const state = workerState()
  const isRunnersWorker = process.env['VITEST_WORKER_ID'] !== undefined || process.env['JEST_WORKER_ID'] !== undefined
  // Jest runs in band in its main process, which has no channel at all.
  if (isRunnersWorker && realProcess.connected === false) {
    throw new ProctorError('The main process of the test runner has gone: no command is started any more.')
  }
  if (state.onDisconnect !== undefined || !realProcess.connected) return
  state.onDisconnect = () => realProcess.exit(1)
  realProcess.once('disconnect', state.onDisconnect)
}

/** Stops listening for the end of the main process, once there is neither a fixture nor a guard. */
export function letGoOfMain(): void {
  const state = workerState()
  if (state.onDisconnect === undefined || state.fixtures.size > 0 || state.guards.size > 0) return
  realProcess.off('disconnect', state.onDisconnect)
  state.onDisconnect = undefined
}
