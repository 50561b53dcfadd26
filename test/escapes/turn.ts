import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'

// A storm has thousands of processes, and two at once use up the pids of a machine: one runs at a time, whatever run it is
// of. An abstract socket belongs to whoever listens, and is free again when that one has ended, however it ends.

const address = '\0proctor-tests-storm'

async function listen(): Promise<(() => void) | undefined> {
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

/** Resolves when the socket of whoever has the turn has closed. */
const untilClosed = (): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(address)
    socket.on('error', () => {}).once('close', () => resolve())
    socket.resume()
  })

/** Waits for this machine's turn, and gives what ends it. Elsewhere than on Linux there is no such socket, and no wait. */
export async function takeTurn(): Promise<() => void> {
  if (process.platform !== 'linux') return () => {}
  for (;;) {
    const end = await listen()
    if (end !== undefined) return end
    await untilClosed()
  }
}
