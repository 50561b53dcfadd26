import { randomInt } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { createServer, type ListenOptions, type Server } from 'node:net'
import { ProctorError } from '../base/errors.js'
import { table } from '../system/process-table/current.js'
import { knowPort } from '../snapshot/normalise.js'

// The usual way is to bind port 0 and close it again. But that may give two workers the same port, or the next outgoing
// connection may get it before the server has bound it. So a port below the ephemeral range is taken, and held by a
// lock that only this package knows and that goes away with the worker, however it dies. The server can bind the port,
// and no other worker on this machine is given it.

const lowest = 20_000
/** The length of a unix socket's name in bytes. Versions of Node differ in whether they pad a shorter one. */
const longestName = 108
/** How many ports are tried. */
const mostTries = 200

/** The ports that were given to this worker. */
const givenPorts = new Set<number>()

/** The first port that the system uses for outgoing connections. */
function firstEphemeral(): number {
  try {
    const first = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1'), 10)
    return first > lowest + 1000 ? first : 49_152
  } catch {
    return 49_152 // macOS, and what IANA says.
  }
}

/** These say nothing about a port. */
const exhausted = new Set<string | undefined>(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'])

const refuse = (error: NodeJS.ErrnoException): ProctorError =>
  new ProctorError(`No free port can be looked for: ${error.message}`, { cause: error })

/** Binds a port or a name. Returns the error's code if that fails. */
const listen = (options: ListenOptions): Promise<Server | string> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (exhausted.has(error.code)) reject(refuse(error))
      else resolve(error.code ?? error.message)
    })
    server.listen({ ...options, exclusive: true }, () => resolve(server))
  })

/** Whether nothing listens on a port, on any address that a client would connect to. */
async function isFree(port: number): Promise<boolean> {
  for (const host of ['::', '0.0.0.0', '127.0.0.1']) {
    const server = await listen({ port, host })
    if (typeof server === 'object') await new Promise((resolve) => server.close(resolve))
    // Without IPv6 nothing can collide there.
    else if (server !== 'EAFNOSUPPORT' && server !== 'EADDRNOTAVAIL') return false
  }
  return true
}

/** Holds the lock of a port until it is closed, or this process exits. */
interface Lock {
  close(): unknown
}

/** An abstract unix socket. Its name is unique in the network namespace. */
async function lockBySocket(port: number): Promise<Lock | undefined> {
  const server = await listen({ path: `\0proctor-port-${port}`.padEnd(longestName, '.') })
  return typeof server === 'object' ? server.unref() : undefined
}

/** Where there are no abstract sockets: the UDP port of the same number, which a server on TCP does not need. */
const lockByDatagram = (port: number): Promise<Lock | undefined> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (exhausted.has(error.code)) reject(refuse(error))
      else resolve(undefined)
    })
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => resolve(socket.unref()))
  })

/** The locks in the order in which they are tried. Somebody else on this machine may hold all names of one kind. */
const locks = table.name === 'linux' ? [lockBySocket, lockByDatagram] : [lockByDatagram]

/** Closes the lock of a port that is not free, or of which nobody can say that it is. */
async function isFreeOrClosed(port: number, lock: Lock): Promise<boolean> {
  let isGiven = false
  try {
    return (isGiven = await isFree(port))
  } finally {
    if (!isGiven) lock.close()
  }
}

/** Takes a port on which nobody listens and that no other worker is given. */
export async function takeFreePort(): Promise<number> {
  const last = firstEphemeral()
  let refused = 0
  for (const lock of locks) {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const port = randomInt(lowest, last)
      if (givenPorts.has(port)) continue
      const held = await lock(port)
      if (held === undefined) refused += 1
      else if (await isFreeOrClosed(port, held)) {
        givenPorts.add(port)
        knowPort(port)
        return port
      }
    }
    // Most locks were free but the ports were not. The next kind would not help.
    if (refused < mostTries / 2) break
  }
  throw new ProctorError(
    `No free port was found between ${lowest} and ${last - 1}: ${mostTries} were tried, of which ${Math.min(refused, mostTries)} were locked by others.`,
  )
}
