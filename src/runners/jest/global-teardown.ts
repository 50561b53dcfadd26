import { endRun } from '../run.js'
import { tellIfJestHangs } from './hang.js'
import { endServers } from './server.js'

/**
 * Jest's `globalTeardown`: ends the server of the run, sweeps the machine for what the run left, removes the workspaces
 * of dead workers, and makes the run fail, with the list, if anything was there. It says who holds Jest up.
 *
 * @example
 * module.exports = { globalSetup: 'proctor/jest/global-setup', globalTeardown: 'proctor/jest/global-teardown' }
 */
export async function teardown(globalConfig?: object): Promise<void> {
  await endServers()
  const message = await endRun()
  tellIfJestHangs(globalConfig)
  if (message === undefined) return
  process.stderr.write(`\n${message}\n`)
  process.exitCode = 1
}
