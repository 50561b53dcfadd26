import { createProctor } from 'proctor'
import { expect, onTestFinished, test } from 'vitest'
import { inRoot, startInner, startVitest } from '../inner-run.js'
import { endByCommandLine, uniqueNumber } from '../machine.js'

// The report names the process that holds an output open. The test knows it from the shell itself, whose daemon
// inherits the descriptors in the script.

test.runIf(process.platform === 'linux')('a leak says who holds the output of a command that has exited', async () => {
  const proctor = await createProctor({ leakTimeout: 50 })
  const command = proctor.run('sh', ['-c', 'sleep 600 2>/dev/null 5>&1 & echo started; exit 0'])
  await command.waitForSuccessfulExit()
  const error = (await proctor.teardown().catch((thrown: unknown) => thrown)) as Error
  expect(error.stack).toMatch(
    /held open: sh -c '.*' has exited, and its output has not ended, as \d+ sleep 600 \(descriptors 1, 5\) holds it\./,
  )
})

test('a process that has closed the output is not named', async () => {
  const proctor = await createProctor({ leakTimeout: 50 })
  const command = proctor.run('sh', ['-c', 'sleep 600 >/dev/null 2>&1 & exit 0'])
  await command.waitForSuccessfulExit()
  const error = (await proctor.teardown().catch((thrown: unknown) => thrown)) as Error
  expect(error.name).toBe('LeakedProcessError')
  expect(error.stack).not.toContain('held open')
})

test.runIf(process.platform === 'linux')(
  'the guard says so, and of a file that does not end who holds it up',
  async () => {
    const number = uniqueNumber()
    const endAll = (): Promise<void> => endByCommandLine(number)
    onTestFinished(endAll)
    const env = { SUITE_NUMBER: number, PROCTOR_GUARD: 'report', PROCTOR_GUARD_LEAK_TIMEOUT: '50' }
    const args = ['--import', 'proctor/node-test/guard', 'held.node.mjs']
    const run = startInner(process.execPath, args, { cwd: inRoot('fixtures/suites/guard-report'), env })
    const hang =
      /the test file ended 3 s ago, and its process \d+ has not\. What it has started still runs:\n {2}(.*)\n/
    await expect.poll(() => run.output(), { timeout: 60_000 }).toMatch(hang)
    expect(hang.exec(run.output())![1]).toMatch(new RegExp(`^\\d+ sleep 600 ${number} \\(descriptor 1\\)$`))
    expect(run.output()).toMatch(/held open: sh -c '.*' has exited, .* \d+ sleep 600 \d+ \(descriptor 1\) holds it/)
    await endAll()
    expect((await run.result).exitCode).toBe(0)
  },
  90_000,
)

test.runIf(process.platform === 'linux')('in Vitest and Jest too', { timeout: 90_000 }, async () => {
  const number = uniqueNumber()
  const endAll = (): Promise<void> => endByCommandLine(number)
  onTestFinished(endAll)
  const env = { SUITE_NUMBER: number, PROCTOR_GUARD: 'report', PROCTOR_GUARD_LEAK_TIMEOUT: '50' }
  const cwd = inRoot('fixtures/suites/guard-report')
  const jest = [inRoot('node_modules/jest/bin/jest.js'), '--config=jest.config.cjs', '--testMatch=**/held.case.cjs']
  const runs = [
    startInner(process.execPath, jest, { cwd, env }),
    startVitest('guard-report', { env: { ...env, SUITE_INCLUDE: 'held.case.mjs' } }),
  ]
  const held = /held open: sh -c '.*' has exited, .* \d+ sleep 600 \d+ \(descriptor 1\) holds it/
  for (const run of runs) await expect.poll(() => run.output(), { timeout: 60_000 }).toMatch(held)
  // Jest waits for the output to end, because the tests run in its own process. Vitest does not wait.
  const hang = new RegExp(
    `the run ended 3 s ago, and its process \\d+ has not\\. What it has started still runs:\\n {2}\\d+ sleep 600 ${number} \\(descriptor 1\\)`,
  )
  await expect.poll(() => runs[0]!.output(), { timeout: 60_000 }).toMatch(hang)
  await endAll()
  for (const { result } of runs) expect((await result).exitCode).toBe(0)
})
