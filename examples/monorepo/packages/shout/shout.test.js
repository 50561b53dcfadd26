import { join } from 'node:path'
import { expect, test } from 'proctor/vitest'

const neighbour = join(import.meta.dirname, '../greet/greet.js')

test('shouts what its neighbour says', async ({ run }) => {
  const shout = run('node', [join(import.meta.dirname, 'shout.js'), 'Ada'], { env: { GREET: neighbour } })
  const { stdout } = await shout.waitForSuccessfulExit()
  expect(stdout).toBe('HELLO, ADA!\n')
})
