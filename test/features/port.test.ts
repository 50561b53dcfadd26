import { freePort } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { rejectionOf } from '../rejection.js'

const server = (port: number): string => `require('net').createServer().listen(${port}, '127.0.0.1')`

test('a port is free before its server, taken by it, and free after it', async ({ run }) => {
  const port = await freePort()
  await expect(port).toBeFree()
  const command = run('node', ['-e', server(port)])
  await command.waitForPort(port)
  await expect(port).not.toBeFree()
  await command.terminate()
  await expect(port).toBeFree()
})

test('it waits for a server that is about to go', async ({ run }) => {
  const port = await freePort()
  const command = run('node', ['-e', `${server(port)}; process.stdin.once('data', () => process.exit())`])
  await command.waitForPort(port)
  const free = expect(port).toBeFree()
  await command.write('go\n')
  await free
  await command.waitForExit()
})

test('the message names who holds it', async ({ run }) => {
  const port = await freePort()
  const command = run('node', ['-e', server(port)])
  await command.waitForPort(port)
  const { message } = await rejectionOf(expect(port).toBeFree({ timeout: 0 }))
  expect(message).toMatch(
    new RegExp(
      `^expect\\(received\\)\\.toBeFree\\(\\)\n\nExpected port ${port} to be free\\. It is held by\n  ${command.pid} node -e .* \\(listens on 127\\.0\\.0\\.1:${port}\\)$`,
    ),
  )
})

test.each([0, -1, 65_536, 1.5, '80', undefined])('%s is no port', async (port) => {
  const { message } = await rejectionOf(expect(port).toBeFree())
  expect(message).toMatch(/^toBeFree: received .*\. Accepted is a port from 1 to 65535\.$/)
})
