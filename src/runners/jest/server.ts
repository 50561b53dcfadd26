import { ProctorError } from '../../base/errors.js'
import { onceAWorker } from '../../base/shelf.js'
import { failRun, refuseSecond, RunServer, type ServerAddress, type ServerOptions } from '../run-server.js'
import { setup } from './global-setup.js'

/** The environment variable that tells Jest's workers the server's address. */
const addressVariable = 'PROCTOR_SERVER'

const running = (): Set<RunServer> => onceAWorker('jest-servers.1', () => new Set<RunServer>())

interface TearsDown {
  readonly globalTeardown?: unknown
}

/**
 * A global set-up that starts one server for all tests of a run. The tests get its address with `serverAddress()`. It
 * also marks the run, as `proctor/jest/global-setup` does, and `proctor/jest/global-teardown` ends both.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * // server.setup.cjs, beside `globalTeardown: 'proctor/jest/global-teardown'`
 * module.exports = server('node', ['server.mjs'], { ready: '/health' })
 */
export function server(
  command: string,
  args: readonly string[] = [],
  options: ServerOptions = {},
): (globalConfig?: object, projectConfig?: object) => Promise<void> {
  const own = new RunServer(command, args, options)
  return async (...configs) => {
    requireTeardown(configs)
    if (running().size > 0 && !running().has(own)) refuseSecond()
    setup(configs[0])
    running().add(own)
    process.env[addressVariable] = JSON.stringify(await own.start())
  }
}

/** Without the teardown, the server's open pipes would keep Jest from exiting. */
function requireTeardown(configs: readonly (object | undefined)[]): void {
  if (configs.some((config) => typeof (config as TearsDown | undefined)?.globalTeardown === 'string')) return
  throw new ProctorError("server: nothing would end it: globalTeardown: 'proctor/jest/global-teardown' is missing.")
}

/**
 * The address of this run's server.
 *
 * @throws {ProctorError} if there is no server.
 * @example
 * const answer = await fetch(serverAddress().url)
 */
export function serverAddress(): ServerAddress {
  const address = process.env[addressVariable]
  if (address !== undefined) return JSON.parse(address) as ServerAddress
  throw new ProctorError(
    "serverAddress: this run has no server. A global set-up starts it: module.exports = server(…), of 'proctor/jest/server'.",
  )
}

/** Ends the servers of this run. Fails the run if something was wrong with one of them. */
export async function endServers(): Promise<void> {
  delete process.env[addressVariable]
  for (const each of running()) failRun(await each.stop())
  running().clear()
}
