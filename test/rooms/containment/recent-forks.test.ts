import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { findRecentForks } from '../../../src/containment/recent-forks.js'
import { track } from '../../../src/containment/root.js'
import { table } from '../../../src/system/process-table/current.js'
import { lastPid } from '../../../src/system/process-table/linux.js'

const mark = 'PROCTOR_MARK_recent=1'

async function started(env: NodeJS.ProcessEnv = {}): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('sh', ['-c', 'echo up; read x'], { detached: true, env: { PATH: process.env['PATH'], ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child as ChildProcess & { readonly pid: number }
}

test.runIf(process.platform === 'linux')(
  'what was given a pid while the table was listed is found, however many others were after it',
  async () => {
    const leader = await started()
    const root = track({
      identity: table.identify(leader.pid)!,
      owner: { kind: 'command', fixture: '0.1', number: 1 } as const,
      mark,
      locks: undefined,
      leadsGroup: true,
      workerSession: 0,
      workspace: undefined,
      streams: new Set<string>(),
      isHeld: () => true,
    })
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
