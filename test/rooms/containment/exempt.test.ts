import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { Exempt } from '../../../src/containment/exempt.js'
import { fromPlain } from '../../../src/containment/tree.js'
import { table } from '../../../src/system/process-table/current.js'
import { treeOf } from './tree-of.js'

// What a kill leaves alone: the exempt processes, and what comes from them while it goes on. This process stands for an
// exempt one that is there.

const self = table.identify(process.pid)!
const daemon = fromPlain(
  {
    ...self,
    group: 70_000,
    session: 70_000,
    command: 'daemon',
    startedAt: new Date(0),
    evidence: 'mark',
  },
  treeOf({ pid: 100, startTime: 1 }),
)
const gone = { ...daemon, pid: spawnSync('true').pid }

const process_ = (pid: number, ppid: number, more: { group?: number; session?: number; startTime?: number } = {}) => ({
  pid,
  ppid,
  startTime: self.startTime + 1,
  group: pid,
  session: pid,
  ...more,
})

describe('what is left alone', () => {
  test.each([
    ['the daemon itself', daemon, true],
    ['its child', process_(90_001, self.pid), true],
    ['an orphan in the group that it leads', process_(90_002, 1, { group: self.pid }), true],
    ['an orphan in the session that it leads', process_(90_003, 1, { session: self.pid }), true],
    ['an orphan elsewhere', process_(90_004, 1), false],
    ['who has its number now', { ...daemon, startTime: self.startTime + 1 }, false],
    ['who is older and has the number of its group', process_(90_005, 1, { group: self.pid, startTime: 1 }), false],
    ['a child of the number of one that has gone', process_(90_006, gone.pid), false],
  ])('%s', (_, process, isLeftAlone) => {
    expect(new Exempt([daemon, gone]).has(process)).toBe(isLeftAlone)
  })

  test('what it has started, and what that has started in its turn', () => {
    const exempt = new Exempt([daemon])
    expect(exempt.has(process_(90_001, self.pid))).toBe(true)
    expect(exempt.has(process_(90_002, 1, { group: 90_001 }))).toBe(true)
  })

  test('nothing, if nothing is exempt', () => {
    expect(new Exempt().has(process_(90_001, self.pid))).toBe(false)
  })
})
