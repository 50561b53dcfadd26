import { spawn } from 'node:child_process'
import { createServer } from 'node:http'

// A server with a worker of its own, as many have.
const worker = spawn('sleep', ['600'])
createServer((_, response) => response.end(`served beside worker ${worker.pid}\n`)).listen(0, '127.0.0.1')
process.once('SIGTERM', () => {
  worker.kill()
  process.exit()
})
