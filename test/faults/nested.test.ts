import { expect, onTestFinished, test } from 'vitest'
import { runVitest } from '../inner-run.js'
import { expectNothingLeft, makeFolder, removeFolder, uniqueNumber } from '../machine.js'

test('proctor in proctor: the outer one kills a whole runner with the trees that its tests have open', async () => {
  const [number, folder] = [uniqueNumber(), makeFolder()]
  onTestFinished(() => removeFolder(folder))
  const { exitCode, output } = await runVitest('nested', { env: { TMPDIR: folder, SUITE_NUMBER: number } })
  expect(output).toContain('1 passed')
  expect(exitCode).toBe(0)
  await expectNothingLeft(number, folder)
})
