import { leadingBack } from '../base/call-site.js'
import { shortCommand } from '../base/short-command.js'
import { table } from '../system/process-table/current.js'
import { listeners } from '../system/sockets/current.js'
import type { Listener } from '../system/sockets/listener.js'
import {
  checkWait,
  hint,
  type MatcherOptions,
  type MatcherResult,
  refuseSubject,
  retry,
  stateOf,
  timeoutOf,
} from './support.js'

const isPort = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 65_535

/** Who listens on a port, on any address. */
async function listenersOn(port: number): Promise<readonly Listener[]> {
  const sight = await listeners.look([process.pid], 'tcp')
  return sight.listeners.filter((listener) => listener.port === port)
}

async function describe(listener: Listener): Promise<string> {
  const address = listener.address.includes(':') ? `[${listener.address}]` : listener.address
  const [pid] = await listeners.holdersOf(listener)
  if (pid !== undefined)
    return `${pid} ${shortCommand(table.commandLine(pid))} (listens on ${address}:${listener.port})`
  return `a process that may not be looked at (listens on ${address}:${listener.port})`
}

/**
 * Whether nobody listens on a TCP port of this machine, on any address. It asks the kernel and does not connect.
 * Retries.
 *
 * @throws {TypeError} if the subject is not a port from 1 to 65535.
 */
export function toBeFree(this: unknown, subject: unknown, options?: MatcherOptions): Promise<MatcherResult> {
  return leadingBack(async () => {
    const isNot = stateOf(this).isNot ?? false
    if (!isPort(subject)) throw refuseSubject('toBeFree', 'a port from 1 to 65535', subject)
    checkWait('toBeFree', options)
    const { holders } = await retry(
      async () => {
        const found = await listenersOn(subject)
        return { holds: found.length === 0, holders: found }
      },
      !isNot,
      timeoutOf(options, undefined),
    )
    const lines = isNot ? [] : await Promise.all(holders.map(describe))
    return {
      pass: holders.length === 0,
      message: () =>
        [
          hint('toBeFree', isNot),
          '',
          `Expected port ${subject} to be ${isNot ? 'taken, and nobody listens on it' : 'free. It is held by'}`,
        ]
          .concat(lines.map((line) => `  ${line}`))
          .join('\n'),
    }
  })
}
