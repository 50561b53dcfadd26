import { expect, test } from 'proctor/vitest'
import { createProctor } from 'proctor'
import { onTestFinished } from 'vitest'
import { makeFolder, removeFolder } from '../machine.js'
import { readTraceFile } from '../trace-model.js'
import { rejectionOf } from '../rejection.js'

// A command that allocates memory, says so, and exits when it may, so that its usage is read while it lives. In the
// background, a shell gives it /dev/null to read, and the end of that input must not end the program.
const allocates = (megabytes: number): string => `
  const held = Buffer.alloc(${megabytes} * 1e6, 1)
  console.log('has it')
  setInterval(() => {}, 1e6)
  process.stdin.once('data', () => process.exit(held[0] - 1))`

test('peak memory is the program’s own, and not the worker’s', async ({ run }) => {
  // The worker is larger than what it starts: getrusage(2) would report the worker's size.
  const held = Buffer.alloc(200e6, 1)
  const small = run('sh', ['-c', 'echo up; read go'], { usage: true })
  await small.waitForOutput('up')
  await small.write('go\n')
  const { usage } = await small.waitForSuccessfulExit()
  expect(usage?.peakMemory).toBeGreaterThan(100_000)
  expect(usage?.peakMemory).toBeLessThan(held.length / 10)
})

test('it is that of the whole tree', async ({ run, workspace }) => {
  await workspace.write({ 'child.mjs': allocates(60) })
  const one = run('node', ['-e', allocates(60)], { usage: true })
  await one.waitForOutput('has it')
  await one.write('go\n')
  const alone = await one.waitForSuccessfulExit()
  const both = run('sh', ['-c', 'node child.mjs & node child.mjs; kill $!'], { usage: true })
  await both.waitForOutput(/has it[^]*has it/)
  await both.write('go\n')
  const together = await both.waitForExit()
  expect(alone.usage!.peakMemory).toBeGreaterThan(60e6)
  expect(together.usage!.peakMemory).toBeGreaterThan(alone.usage!.peakMemory * 1.5)
})

test('processor time is counted, even that of children that were never seen', async ({ run }) => {
  const burn = `while (process.cpuUsage().user + process.cpuUsage().system < 300_000);
    console.log('burnt'); process.stdin.once('data', () => process.exit())`
  const command = run('node', ['-e', burn], { usage: true })
  await command.waitForOutput('burnt')
  await command.write('go\n')
  const { usage } = await command.waitForSuccessfulExit()
  expect(usage!.cpuMs).toBeGreaterThanOrEqual(280)
})

test('the report and the trace say what a command has used', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const proctor = await createProctor({ usage: true, trace: 'on', traceDir: folder })
  const command = proctor.run('sh', ['-c', 'echo up; read go'])
  await command.waitForOutput('up')
  await command.write('go\n')
  const { usage } = await command.waitForSuccessfulExit()
  const { trace, commands } = await proctor.teardown()
  expect(commands[0]!.usage).toEqual(usage)
  expect(readTraceFile(trace!).commands[0]!.exit?.usage).toEqual(usage)
  expect(usage!.peakMemory).toBeGreaterThan(100_000)
})

test('nothing is measured without the option', async ({ run }) => {
  const command = run('true')
  expect(await command.waitForExit()).not.toHaveProperty('usage')
  const { message } = await rejectionOf(expect(command).toUseLessThan({ cpu: 1000 }))
  expect(message).toBe('toUseLessThan: nobody has looked: run(…, { usage: true }), on Linux.')
})

test('limits that are kept, and one that is not', async ({ run }) => {
  const command = run('node', ['-e', allocates(60)], { usage: true })
  await command.waitForOutput('has it')
  await command.write('go\n')
  await expect(command).toUseLessThan({ memory: '2 GB', cpu: 60_000 })
  await expect(command).not.toUseLessThan({ memory: '60 MB' })
  const { message } = await rejectionOf(expect(command).toUseLessThan({ memory: '60 MB', cpu: 60_000 }))
  expect(message).toMatch(
    /^expect\(received\)\.toUseLessThan\(\)\n\nnode -e [^]* exited with 0 after \d+ ms, and used \d+\.\d MB of memory \(limit 60\.0 MB\)\.$/,
  )
})

test.each([
  [{}, 'toUseLessThan: the limits are an object. Accepted is { memory, cpu }, or one of them.'],
  [{ disk: 1 }, 'toUseLessThan: the limits are an object. Accepted is { memory, cpu }, or one of them.'],
  [
    { memory: '64 megs' },
    "toUseLessThan: memory is \"64 megs\". Accepted are bytes, or a text such as '64 MB' or '64 MiB'.",
  ],
  [{ cpu: 0 }, 'toUseLessThan: cpu is 0. Accepted is a number of milliseconds above 0.'],
])('limits that are none: %o', async (limits, expected) => {
  const { toUseLessThan } = await import('proctor/matchers')
  const proctor = await createProctor({ usage: true })
  const error = await rejectionOf(toUseLessThan(proctor.run('true'), limits as object))
  expect(error.message).toBe(expected)
  await proctor.teardown()
})
