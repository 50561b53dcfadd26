import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { takeCoverage } from 'node:v8'
import { isMainThread } from 'node:worker_threads'

/**
 * Runs in a command, before its program: writes the coverage so far whenever somebody connects. The program sees none of
 * it: no signal has a listener, and the socket keeps no event loop alive.
 */
export function answerIn(folder: string): void {
  // A thread has no coverage of its own to write before it ends.
  if (!isMainThread || process.env['NODE_V8_COVERAGE'] === undefined) return
  const path = join(folder, String(process.pid))
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
