import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { giveLocksMark } from '../../../src/containment/locks-mark.js'
import { findRecentForks, rangesSince } from '../../../src/containment/recent-forks.js'
import { type Root, track } from '../../../src/containment/root.js'
import { table } from '../../../src/system/process-table/current.js'
import { lastPid } from '../../../src/system/process-table/linux.js'

const mark = 'PROCTOR_MARK_recent=1'

async function started(env: NodeJS.ProcessEnv = {}): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sh', ['-c', 'echo up; read x'], { detached: true, env: { PATH: process.env['PATH'], ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child as ChildProcess & { readonly pid: number }
}

const rootOf = (pid: number, locks: bigint | undefined): Root =>
  track({
    identity: table.identify(pid)!,
    owner: { kind: 'command', fixture: '0.1', number: 1 } as const,
    mark,
    locks,
    leadsGroup: true,
    workerSession: 0,
    workspace: undefined,
    streams: new Set<string>(),
    isHeld: () => true,
  })

test.each([
  ['those since the last look', 100, 110, [[101, 110]]],
  ['the last ones again, which may not have been there yet', 110, 110, [[108, 110]]],
  ['no more than so many', 100, 1000, [[936, 1000]]],
  [
    'those before and after the numbers begin anew',
    32_760,
    305,
    [
      [241, 305],
      [32_761, 32_824],
    ],
  ],
  [
    'no pid below 2',
    32_760,
    3,
    [
      [2, 3],
      [32_761, 32_824],
    ],
  ],
])('the pids to look at are %s', (_, before, last, ranges) => {
  expect(rangesSince(before, last, 64)).toEqual(ranges)
})

test.runIf(process.platform === 'linux')(
  'what was given a pid while the table was listed is found, however many others were after it',
  async () => {
    const leader = await started()
    const root = rootOf(leader.pid, undefined)
    let before: number
    let ours: ChildProcess & { readonly pid: number }
    let strangers: ChildProcess[]
    do {
      // Again, if others on this machine have forked more than are looked at.
      before = lastPid()
      ours = await started({ PROCTOR_MARK_recent: '1' })
      strangers = [await started(), await started(), await started(), await started()]
    } while (lastPid() - before > 60)

    const found: number[] = []
    const met = findRecentForks([root], before, 3, ({ pid }) => found.push(pid))
    expect(found).toEqual([ours.pid])
    expect(met.map(({ record, evidence }) => [record.pid, evidence])).toEqual([[ours.pid, 'mark']])
    expect(strangers.map(({ exitCode, signalCode }) => [exitCode, signalCode])).toEqual(
      strangers.map(() => [null, null]),
    )
    // A second search has nothing new to say of it; one that began after it does not look so far back.
    expect(findRecentForks([root], before, 3, ({ pid }) => found.push(pid))).toEqual([])
    root.known.clear()
    expect(findRecentForks([root], lastPid(), 3, ({ pid }) => found.push(pid))).toEqual([])
    expect(found).toEqual([ours.pid])
  },
)

test.runIf(process.platform === 'linux')('by the second mark, it is found behind hundreds of others', async () => {
  const locks = (1n << 57n) | 7n
  const root = rootOf((await started()).pid, locks)
  let before: number
  let ours: ChildProcess & { readonly pid: number }
  do {
    before = lastPid()
    ours = await started()
    giveLocksMark(ours.pid, locks)
    execFileSync('sh', ['-c', 'i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i + 1)); done'])
  } while (lastPid() - before > 1000)
  const found: number[] = []
  findRecentForks([root], before, 3, ({ pid }) => found.push(pid))
  expect(found).toEqual([ours.pid])
})
