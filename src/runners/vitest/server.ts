import type { TestProject } from 'vitest/node'
import { failRun, refuseSecond, RunServer, type ServerOptions } from '../run-server.js'

/** The server of each project. */
const servers = new WeakMap<object, RunServer>()

/**
 * A global set-up that starts one server for all tests of a run. The tests get its address with
 * `inject('proctorServer')`. In watch mode the server keeps running, and one that has ended is restarted before the
 * next tests.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * // server.setup.ts, named in `globalSetup`
 * export default server('node', ['server.mjs'], { ready: '/health' })
 */
export function server(
  command: string,
  args: readonly string[] = [],
  options: ServerOptions = {},
): (project: Pick<TestProject, 'provide' | 'onTestsRerun'>) => Promise<() => Promise<void>> {
  const own = new RunServer(command, args, options)
  return async (project) => {
    const start = async (): Promise<void> => project.provide('proctorServer', await own.start())
    if ((servers.get(project) ?? own) !== own) refuseSecond()
    servers.set(project, own)
    await start()
    project.onTestsRerun(async () => {
      if (own.isRunning) return
      failRun(await own.stop())
      await start()
    })
    return async () => {
      servers.delete(project)
      failRun(await own.stop())
    }
  }
}
