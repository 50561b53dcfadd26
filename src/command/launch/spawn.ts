import type { ChildProcess } from 'node:child_process'
import type { execa as Execa, Options, ResultPromise } from 'execa'
import type { SpawnError } from '../../base/errors.js'
import { startMarked } from '../../containment/locks-mark.js'
import { startOwn } from '../../containment/own-starts.js'
import { table } from '../../system/process-table/current.js'
import { standardStreams } from '../../system/process-table/linux.js'
import { Pipes } from '../pipes.js'
import type { Transport } from '../transport.js'
import type { SpawnRequest } from './request.js'
import { explain } from './spawn-failure.js'

// The sole importer of execa. It is loaded when the first fixture is made: its import is slow.

let execa: typeof Execa | undefined

/** Loads execa, once. */
export async function prepareSpawn(): Promise<void> {
  execa ??= (await import('execa')).execa
}

/**
 * Starts a program as the leader of a session and a group of its own, its standard streams as pipes.
 *
 * @returns the running program, or the promise of the reason why it could not be started.
 */
export function start(request: SpawnRequest): Transport | Promise<SpawnError> {
  if (execa === undefined) throw new Error('prepareSpawn() was not awaited.')
  const options: Options = {
    buffer: false,
    cleanup: false,
    cwd: request.cwd,
    detached: true,
    encoding: 'buffer',
    env: request.env,
    extendEnv: false,
    reject: false,
    shell: request.shell,
    stdio: 'pipe',
    stripFinalNewline: false,
  }
  let subprocess: ResultPromise
  try {
    const begin = execa
    const spawn = (): ResultPromise => startOwn(() => begin(request.command, [...request.args], options))
    subprocess = startMarked(request.locks, spawn, ({ pid }) => pid)
  } catch (error) {
    return Promise.resolve(explain(error, request))
  }
  const child = subprocess as unknown as ChildProcess
  const record = child.pid === undefined ? undefined : table.identify(child.pid)
  if (child.pid === undefined || record === undefined) {
    return Promise.resolve(subprocess).then((result) => explain(result, request))
  }
  // Its promise is not what we wait for, and must not become an unhandled rejection.
  subprocess.catch(() => {})
  const identity = { pid: record.pid, startTime: record.startTime }
  return new Pipes(child, identity, table.name === 'linux' ? standardStreams(record.pid) : [])
}
