import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer, type ListenOptions } from 'node:net'
import { ProctorError } from '../base/errors.js'
import { table } from '../system/process-table/current.js'
import { knowPort } from '../snapshot/normalise.js'

// Asking the system for port 0 and closing it again gives two workers the same number, or gives it to the next
// outgoing connection before the server has bound it. So a port is taken from below the ephemeral ones, and held by
// a lock that only this package knows and that goes with the worker, however it dies: the server can bind the port,
// and no other worker of this machine is given it.

const lowest = 20_000
/** Bytes of a unix socket's name: versions of Node differ in whether they fill up a shorter one. */
const longestName = 108
/** How many numbers are tried. */
const mostTries = 200

/** The ports that this worker was given. */
const givenPorts = new Set<number>()

/** The first port that the system gives to outgoing connections. */
function firstEphemeral(): number {
  try {
    const first = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1'), 10)
    return first > lowest + 1000 ? first : 49_152
  } catch {
    return 49_152 // macOS, and what IANA says.
  }
}

/** Whether it could be bound: the error's code otherwise. */
const tryToListen = (options: ListenOptions, isHeld: boolean): Promise<string | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ ...options, exclusive: true }, () => {
      if (isHeld) {
        server.unref()
        resolve(undefined)
      } else server.close(() => resolve(undefined))
    })
  })

/** Whether nothing listens on a port, on any address that one would connect to. */
async function isFree(port: number): Promise<boolean> {
  for (const host of ['::', '0.0.0.0', '127.0.0.1']) {
    const code = await tryToListen({ port, host }, false)
    // Without IPv6 there is nothing to collide with.
    if (code !== undefined && code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL') return false
  }
  return true
}

/** A unix socket without a file: one network namespace has one of a name, and the kernel closes it with its process. */
const lockBySocket = async (port: number): Promise<boolean> =>
  (await tryToListen({ path: `\0proctor-port-${port}`.padEnd(longestName, '.') }, true)) === undefined

/** Where there are no such names: the UDP port of the same number, which is nothing to a server that listens on TCP. */
const lockByDatagram = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4')
    socket.once('error', () => resolve(false))
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      socket.unref()
      resolve(true)
    })
  })

/** The locks, in the order in which they are tried: anybody on this machine can hold every name of one kind. */
const locks = table.name === 'linux' ? [lockBySocket, lockByDatagram] : [lockByDatagram]

/** A port that no other worker is given, and on which nobody listens. */
export async function takeFreePort(): Promise<number> {
  const last = firstEphemeral()
  let refused = 0
  for (const lock of locks) {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const port = randomInt(lowest, last)
      if (givenPorts.has(port)) continue
      const isLocked = await lock(port)
      if (!isLocked) refused += 1
      if (!isLocked || !(await isFree(port))) continue
      givenPorts.add(port)
      knowPort(port)
      return port
    }
    // Where the lock was free, its ports were not, and the next lock would not help.
    if (refused < mostTries) break
  }
  throw new ProctorError(
    `No free port was found between ${lowest} and ${last - 1}: ${mostTries} were tried, of which ${Math.min(refused, mostTries)} were locked by others.`,
  )
}
