import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProctor, LeakedProcessError } from 'proctor'
import { describe, expect, onTestFinished, test } from 'vitest'
import { program, programs } from '../programs.js'
import { rejectionOf } from '../rejection.js'
import { isStillAlive, parentOf, readPid, witness } from '../witness.js'

/** A report without what differs from run to run: pids, times, and the width of columns. */
const stable = (message: string): string =>
  message
    .replaceAll(/\b\d+ ms/g, '<time>')
    .replaceAll(/└─ \d+/g, '└─ <pid>')
    .replaceAll(/(\S) {2,}/g, '$1  ')

describe('Killing only the child leaves orphans', () => {
  test('killed by hand, the grandchild lives on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'by-hand-'))
    const parent = spawn('node', [program('parent.mjs')], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(async () => {
      process.kill(-parent.pid!, 'SIGKILL')
      await expect.poll(() => isStillAlive(grandchild)).toBe(false)
      await rm(folder, { recursive: true })
    })
    await once(parent.stdout, 'data')
    const grandchild = witness(readPid(join(folder, 'child.pid')))
    expect(parentOf(grandchild)).toBe(parent.pid)

    parent.kill('SIGKILL')
    await once(parent, 'exit')

    expect(isStillAlive(grandchild)).toBe(true)
    expect(parentOf(grandchild)).not.toBe(parent.pid)
  })

  test('the fixture catches it: it is killed, and fails the test', async () => {
    const proctor = await createProctor({ leakTimeout: 100 })
    await proctor.workspace.copyFrom(programs)
    const parent = proctor.run('node', ['parent.mjs'])
    await parent.waitForOutput('child is up')
    const grandchild = witness(readPid(proctor.workspace.resolve('child.pid')))

    parent.signal('SIGKILL')
    await expect.poll(() => parent.running).toBe(false)
    const error = await rejectionOf(proctor.teardown())

    expect(error).toBeInstanceOf(LeakedProcessError)
    expect(isStillAlive(grandchild)).toBe(false)
    const leaked = [{ pid: grandchild.pid, place: 'left behind in the group' }]
    expect(error).toMatchObject({ report: { commands: [{ exitSignal: 'SIGKILL', leaked }] } })
  })

  test('the message says what was left, by which command, and how it ended', async () => {
    const proctor = await createProctor({ leakTimeout: 100 })
    await proctor.workspace.copyFrom(programs)
    const leader = proctor.run('node', ['leader-exits-first.mjs'])
    await leader.waitForSuccessfulExit()

    const error = await rejectionOf(proctor.teardown())

    expect(stable(error.message)).toBe(
      `1 process outlived its command and was killed

  node leader-exits-first.mjs  exited 0 after <time>  (cwd <workspace>)
  └─ <pid> node child.mjs  left behind in the group ran <time>  SIGTERM

  last output
  │ child is up`,
    )
  })

  test('a test that ends its commands leaves nothing to blame', async () => {
    const proctor = await createProctor({ leakTimeout: 100 })
    await proctor.workspace.copyFrom(programs)
    const parent = proctor.run('node', ['parent.mjs'])
    await parent.waitForOutput('child is up')
    const grandchild = witness(readPid(proctor.workspace.resolve('child.pid')))

    await parent.kill()
    const { commands } = await proctor.teardown()

    expect(isStillAlive(grandchild)).toBe(false)
    expect(commands).toMatchObject([{ endedBy: 'test', leaked: [], ended: [], survived: [] }])
  })
})
