import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'

// A storm has thousands of processes, and two storms at once use up a machine's pids. And one test takes all names of
// `freePort`. Such tests run one at a time, across all runs on the machine. An abstract socket belongs to the process
// that listens on it, and is free again when that process has ended, however it ends.

type Turn = 'storm' | 'ports'

const addressOf = (what: Turn): string => `\0proctor-tests-${what}`

async function listen(address: string): Promise<(() => void) | undefined> {
  const waiting = new Set<Socket>()
  const server = createServer((socket) => {
    waiting.add(socket.on('error', () => {}))
  })
  server.listen(address)
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
  return () => {
    server.close()
    for (const socket of waiting) socket.destroy()
  }
}

/** Resolves when the process whose turn it is has closed its socket. */
const untilClosed = (address: string): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(address)
    socket.on('error', () => {}).once('close', () => resolve())
    socket.resume()
  })

/**
 * Waits for this machine's turn, and returns a function that ends it. Only Linux has such sockets; elsewhere nothing
 * waits.
 */
export async function takeTurn(what: Turn = 'storm'): Promise<() => void> {
  if (process.platform !== 'linux') return () => {}
  for (;;) {
    const end = await listen(addressOf(what))
    if (end !== undefined) return end
    await untilClosed(addressOf(what))
  }
}
