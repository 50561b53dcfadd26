import { fileURLToPath } from 'node:url'
import { expect, test } from 'proctor/playwright'

const server = fileURLToPath(new URL('server.js', import.meta.url))

test('answers, and takes its worker along when it ends', async ({ run, request }) => {
  const command = run('node', [server])
  const response = await request.get(`http://127.0.0.1:${await command.waitForPort()}/`)
  const [, worker] = /worker (\d+)/.exec(await response.text())
  await expect(Number(worker)).toBeAlive()
  await command.terminate()
  await expect(Number(worker)).toBeDead()
})
