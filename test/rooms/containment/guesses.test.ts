import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { BasicContainment } from '../../../src/containment/basic.js'
import { track } from '../../../src/containment/root.js'
import { TableSource } from '../../../src/containment/table-source.js'
import type { Tree } from '../../../src/containment/tree.js'
import { table } from '../../../src/system/process-table/current.js'
import type { ProcessIdentity } from '../../../src/system/process-table/table.js'
import {
  endByCommandLine,
  eventually,
  findByCommandLine,
  makeFolder,
  removeFolder,
  uniqueNumber,
} from '../../machine.js'
import { needs } from '../../needs.js'

// A process that is found by its place may be somebody else's after all. It does not prove whose the others in its
// group are, and a second look does not change that.

const givenTree = (identity: ProcessIdentity, workspace: string): Tree =>
  track({
    identity,
    mark: 'PROCTOR_MARK_guess=1',
    locks: undefined,
    owner: { kind: 'command', fixture: '0.1', number: 1 } as const,
    leadsGroup: true,
    workerSession: 0,
    workspace,
    streams: new Set<string>(),
    isHeld: () => true,
    groupIsGone: false,
  })

test('one that is found by its place is ended without the others of its group, at the second look too', async () => {
  needs('bash')
  const [number, folder] = [uniqueNumber(), makeFolder()]
  onTestFinished(() => endByCommandLine(number))
  onTestFinished(() => removeFolder(folder))
  const leader = spawn('sleep', [`1${number}`], { detached: true, stdio: 'ignore' })
  // A stranger's job of two processes. The leader has moved into the folder, and has no environment variables among
  // which a mark would be expected.
  const job = `set -m; bash -c 'cd /; (sleep 3${number} &); cd ${folder}; exec env -i 1=1 sleep 2${number}' &`
  await once(spawn('bash', ['-c', job], { detached: true, stdio: 'ignore' }), 'exit')
  const pidOf = (line: string): Promise<number> =>
    eventually(() => {
      const found = findByCommandLine(line).find((each) => each.replace(/^\d+ /, '') === line)
      return found === undefined ? undefined : Number.parseInt(found, 10)
    }, line)
  const [there, other] = [await pidOf(`sleep 2${number}`), await pidOf(`sleep 3${number}`)]
  expect(table.identify(other)!.group).toBe(there)
  const tree = givenTree(table.identify(leader.pid!)!, folder)
  const self = { session: 0, outside: new Set<string>() }
  const source = new TableSource(self, [table.identify(there)!.ppid])
  const containment = new BasicContainment(new Set([tree]), self, source)

  for (let look = 1; look <= 2; look += 1) {
    const { members } = await containment.look([tree])
    expect(new Map(members.map(({ pid, evidence }) => [pid, evidence]))).toEqual(
      new Map([
        [leader.pid, 'leader'],
        [there, 'workspace'],
      ]),
    )
  }
  expect((await containment.kill([tree], 10_000)).survivors).toEqual([])
  expect(findByCommandLine(number)).toEqual([`${other} sleep 3${number}`])
})
