import { endRun } from '../run.js'
import { tellIfJestHangs } from './hang.js'
import { endServers } from './server.js'
import { watchJestThreads } from './threads.js'

/**
 * Jest's `globalTeardown`. Ends the server of the run, sweeps the machine for what the run has left, and removes the
 * workspaces of dead workers. If anything was left, it makes the run fail and lists it. It also names what keeps Jest
 * from exiting.
 *
 * @example
 * module.exports = { globalSetup: 'proctor/jest/global-setup', globalTeardown: 'proctor/jest/global-teardown' }
 */
export async function teardown(globalConfig?: object, project: object = {}): Promise<void> {
  await endServers()
  watchJestThreads(globalConfig, [project])
  const message = await endRun()
  tellIfJestHangs(globalConfig)
  if (message === undefined) return
  process.stderr.write(`\n${message}\n`)
  process.exitCode = 1
}
