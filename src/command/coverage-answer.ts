import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { takeCoverage } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import { socketsVariable } from './coverage-names.js'

/**
 * Runs inside a command, before its program. Writes the coverage so far whenever somebody connects. The program notices
 * nothing: we add no signal listener, and the socket does not keep the event loop alive.
 */
export function answer(): void {
  const { NODE_V8_COVERAGE: isWanted, [socketsVariable]: folder } = process.env
  // A worker thread writes its coverage with the process it belongs to.
  if (!isMainThread || !isWanted || folder === undefined) return
  try {
    listen(join(folder, String(process.pid)))
  } catch {
    // The process has changed its user, who has no right to the folder.
  }
}

function listen(path: string): void {
  // An earlier process may have had the same pid.
  rmSync(path, { force: true })
  const server = createServer((socket) => {
    socket.on('error', () => {})
    takeCoverage()
    socket.end()
  })
  server.on('error', () => {})
  // Without `exclusive`, the primary would listen for a worker of node:cluster.
  server.listen({ path, exclusive: true }).unref()
}
