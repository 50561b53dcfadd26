import { join } from 'node:path'
import { expect, test } from 'proctor/vitest'

test('greets', async ({ run }) => {
  const { stdout } = await run('node', [join(import.meta.dirname, 'greet.js'), 'Ada']).waitForSuccessfulExit()
  expect(stdout).toBe('Hello, Ada!\n')
})
