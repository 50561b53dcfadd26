import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { pause } from '../../../src/base/clock.js'
import { BasicContainment } from '../../../src/containment/basic.js'
import type { Root } from '../../../src/containment/root.js'
import { TableSource } from '../../../src/containment/table-source.js'
import type { Tree } from '../../../src/containment/tree.js'
import { table } from '../../../src/system/process-table/current.js'
import type { ProcessRecord } from '../../../src/system/process-table/table.js'
import { cleanEnvironment } from '../../inner-run.js'
import { isRunning } from '../../machine.js'
import { treeOf } from './tree-of.js'

// How long a kill goes on, on machines that a test cannot wait for: too busy to list its processes in time, or with others
// that fork while it does. The processes and the signals are real.

const self = { session: 0, outside: new Set<string>() }

/** A process whose leader is gone: only the process table tells of it. */
async function givenOrphan(): Promise<Tree> {
  const child = spawn('sleep', ['600'], {
    detached: true,
    stdio: 'ignore',
    env: cleanEnvironment({ PROCTOR_MARK_loop: '1' }),
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  return treeOf(table.identify(child.pid!)!, {
    mark: 'PROCTOR_MARK_loop=1',
    leadsGroup: false,
    groupIsGone: true,
  })
}

class OddTable extends TableSource {
  #reads = 0
  readonly #change: (records: Map<number, ProcessRecord>, reads: number) => void

  constructor(change: (records: Map<number, ProcessRecord>, reads: number) => void) {
    super(self)
    this.#change = change
  }

  override async read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>> {
    const records = new Map(await super.read(roots))
    this.#change(records, (this.#reads += 1))
    return records
  }
}

test.runIf(process.platform === 'linux')('a kill looks again, however long one look took', async () => {
  const tree = await givenOrphan()
  const containment = new BasicContainment(new Set([tree]), self, new OddTable(() => pause(60)))
  const { killed, survivors } = await containment.kill([tree], 50)
  expect(survivors).toEqual([])
  expect(killed.map(({ pid }) => pid)).toEqual([tree.identity.pid])
  expect(isRunning(tree.identity.pid)).toBe(false)
})

test.runIf(process.platform === 'linux')('one empty look is not enough while others fork', async () => {
  const tree = await givenOrphan()
  // More than a search for recent forks looks at.
  for (let each = 0; each < 8; each += 1) spawnSync('true')
  const odd = new OddTable((records, reads) => {
    spawnSync('true')
    if (reads <= 2) records.delete(tree.identity.pid)
  })
  const containment = new BasicContainment(new Set([tree]), self, odd)
  const { killed, survivors } = await containment.kill([tree], 20_000)
  expect(survivors).toEqual([])
  expect(killed.map(({ pid }) => pid)).toEqual([tree.identity.pid])
})
