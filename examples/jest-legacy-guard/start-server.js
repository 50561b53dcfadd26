const { spawn } = require('node:child_process')
const { once } = require('node:events')

/** Starts the server and waits until it is up. */
exports.startServer = async () => {
  const server = spawn('sh', ['-c', 'echo up; exec sleep 600'])
  await once(server.stdout, 'data')
  return server
}
