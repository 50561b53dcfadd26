import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { thisOwner } from '../../../src/containment/owner.js'
import { Estate } from '../../../src/guardian/estate.js'
import { table } from '../../../src/system/process-table/current.js'
import { isExitingWhole } from '../../../src/system/process-table/exiting.js'
import type { WorkerRecord } from '../../../src/workspace/record.js'
import { needs } from '../../needs.js'
import { isRunning, makeFolder, removeFolder } from '../../machine.js'

// What a dead worker had left open, on real processes. The worker's death is only pretended here.

function givenRecord(more: Partial<WorkerRecord>): WorkerRecord {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  return {
    path: join(folder, 'proctor-0/aaaaa.record'),
    id: 'aaaaa',
    owner: thisOwner(),
    run: '0',
    mark: '0123456789abcdef',
    locks: undefined,
    exemptTrees: [],
    exempt: [],
    guardian: undefined,
    ...more,
  }
}

test('the first kill already leaves alone what is exempt in the group of a live leader', async () => {
  const leader = spawn('sh', ['-c', 'sleep 600 & echo $!; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [said] = (await once(leader.stdout, 'data')) as [Buffer]
  const allowed = Number(String(said))
  onTestFinished(() => void process.kill(allowed, 'SIGKILL'))
  const record = givenRecord({ exempt: [table.identify(allowed)!] })
  const line = { kind: 'group', leader: table.identify(leader.pid!)! } as const
  const worker = { startTime: record.owner.startTime, session: undefined, token: record.mark, locks: undefined }
  const { survivors } = await new Estate(worker, [record], [line]).kill(5000)
  expect(survivors).toEqual([])
  expect(isRunning(leader.pid!)).toBe(false)
  expect(isRunning(allowed)).toBe(true)
  // A signal that it got would be pending, or on its way to end it.
  expect(isExitingWhole(allowed)).toBe(false)
})

test('what an allowed process starts while the machine is looked at lives, and keeps nobody waiting', async () => {
  needs('prlimit')
  const locks = (1n << 60n) | (0x1234_5678n << 24n)
  const script = 'echo up; while :; do (:) || echo hit; done'
  const allowed = spawn('prlimit', [`--locks=${locks | 1n}:`, 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  onTestFinished(() => void allowed.kill('SIGKILL'))
  await once(allowed.stdout, 'readable')
  const record = givenRecord({ exempt: [table.identify(allowed.pid!)!] })
  const worker = { startTime: record.owner.startTime, session: undefined, token: record.mark, locks }
  const estate = new Estate(worker, [record])
  for (let each = 0; each < 8; each += 1) {
    const { survivors, killed } = await estate.kill(5000)
    expect([survivors, killed]).toEqual([[], []])
  }
  allowed.kill('SIGKILL')
  expect(await text(allowed.stdout)).toBe('up\n')
})
