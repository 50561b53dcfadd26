import { expect, test } from 'vitest'
import { runVitest } from '../inner-run.js'

test('--detect-async-leaks lists nothing of ours, however a command ends', async () => {
  const { output, exitCode } = await runVitest('async-leaks', { args: ['--detect-async-leaks'] })
  expect(output).toMatch(/Tests {2}6 passed/)
  expect(output).not.toMatch(/leak(?:ing|ed)|PROMISE/i)
  expect(exitCode).toBe(0)
})
