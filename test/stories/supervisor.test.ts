import { createProctor } from 'proctor'
import { expect, test } from 'vitest'
import { endFor, isLive, untilIdentified } from '../escapes/witness.js'

// A supervisor that ends its own workers. Each of them leads a group of its own.

const supervisor = `
  import { spawn } from 'node:child_process'
  import { writeFileSync, renameSync } from 'node:fs'
  const worker = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  let isEnding = false
  worker.once('exit', () => {
    console.log(isEnding ? 'the worker ended when it was told to' : 'the worker died unexpectedly')
    process.exit(isEnding ? 0 : 1)
  })
  process.on('SIGTERM', () => {
    isEnding = true
    setTimeout(() => worker.kill(), Number(process.argv[2]))
  })
  writeFileSync('worker.pid.new', String(worker.pid))
  renameSync('worker.pid.new', 'worker.pid')
  console.log('up')
`

for (const containment of ['auto', 'basic'] as const) {
  test(`${containment}: terminate() leaves a supervisor the time to end its worker`, async () => {
    const proctor = await createProctor({ containment })
    await proctor.workspace.write({ 'supervisor.mjs': supervisor })
    const command = proctor.run('node', ['supervisor.mjs', '100'])
    await command.waitForOutput('up')
    const exit = await command.terminate({ grace: 5000 })
    expect(exit.output).toContain('the worker ended when it was told to')
    await proctor.teardown()
  })

  test(`${containment}: a process orphaned by our own SIGKILL is a note, not a leak`, async () => {
    const proctor = await createProctor({ containment, grace: 200, unexpectedExit: 'ignore' })
    await proctor.workspace.write({ 'supervisor.mjs': supervisor })
    const command = proctor.run('node', ['supervisor.mjs', '60000'])
    await command.waitForOutput('up')
    const worker = await untilIdentified(proctor.workspace.resolve('worker.pid'))
    const report = await proctor.teardown()
    expect(isLive(worker)).toBe(false)
    expect(report.commands[0]).toMatchObject({
      leaked: [],
      ended: [
        {
          pid: worker.pid,
          outcome: 'SIGTERM: our SIGKILL made it an orphan, when grace (200 ms) was over for its command',
        },
      ],
    })
    await endFor(worker)
  })
}
