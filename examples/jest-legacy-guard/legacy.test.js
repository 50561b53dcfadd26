const { once } = require('node:events')
const { startServer } = require('./start-server')

test('a test that cleans up', async () => {
  const server = await startServer()
  process.kill(server.pid)
  server.stdout.destroy()
  await once(server, 'exit')
})

test('a test that starts nothing', () => {
  expect(1 + 1).toBe(2)
})

// The guard fails this one: nobody ends its server.
test('a test that forgets its server', async () => {
  expect(await startServer()).toHaveProperty('pid')
})
