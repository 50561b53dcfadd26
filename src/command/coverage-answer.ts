import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { takeCoverage } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import { socketsVariable } from './coverage-names.js'

/**
 * Runs in a command, before its program: writes the coverage so far whenever somebody connects. The program sees none of
 * it: no signal has a listener, and the socket keeps no event loop alive.
 */
export function answer(): void {
  const { NODE_V8_COVERAGE: isWanted, [socketsVariable]: folder } = process.env
  // A thread has no coverage of its own to write before it ends.
  if (!isMainThread || !isWanted || folder === undefined) return
  try {
    listen(join(folder, String(process.pid)))
  } catch {
    // It has become another user, and the folder is not its own.
  }
}

function listen(path: string): void {
  // An earlier process may have had this number.
  rmSync(path, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => {})
    takeCoverage()
    socket.end()
  })
  server.on('error', () => {})
  // In a worker of node:cluster its primary would listen instead.
  server.listen({ path, exclusive: true }).unref()
}
