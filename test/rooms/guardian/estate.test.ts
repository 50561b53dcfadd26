import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { thisOwner } from '../../../src/containment/owner.js'
import { Estate } from '../../../src/guardian/estate.js'
import { table } from '../../../src/system/process-table/current.js'
import type { WorkerRecord } from '../../../src/workspace/record.js'
import { isRunning, makeFolder, removeFolder } from '../../machine.js'

// What a dead worker had left open, on real processes. The worker's death is only pretended here.

test('the first kill already leaves alone what is exempt in the group of a live leader', async () => {
  const leader = spawn('sh', ['-c', 'sleep 600 & echo $!; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [text] = (await once(leader.stdout, 'data')) as [Buffer]
  const allowed = Number(String(text))
  onTestFinished(() => void process.kill(allowed, 'SIGKILL'))
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const owner = thisOwner()
  const record: WorkerRecord = {
    path: join(folder, 'proctor-0/aaaaa.record'),
    id: 'aaaaa',
    owner,
    run: '0',
    mark: '0123456789abcdef',
    locks: undefined,
    exemptTrees: [],
    exempt: [table.identify(allowed)!],
    guardian: undefined,
  }
  const line = { kind: 'group', leader: table.identify(leader.pid!)! } as const
  const worker = { startTime: owner.startTime, session: undefined, token: record.mark, locks: undefined }
  const { survivors } = await new Estate(worker, [record], [line]).kill(5000)
  expect(survivors).toEqual([])
  expect(isRunning(leader.pid!)).toBe(false)
  expect(isRunning(allowed)).toBe(true)
})
