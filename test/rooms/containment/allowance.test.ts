import { describe, expect, test } from 'vitest'
import { Allowance } from '../../../src/containment/allowance.js'
import { fromPlain, type Member } from '../../../src/containment/tree.js'
import { treeOf } from './tree-of.js'

const tree = treeOf({ pid: 100, startTime: 1 })

const member = (pid: number, ppid: number, command: string): Member =>
  fromPlain(
    {
      pid,
      ppid,
      command,
      session: 100,
      group: 100,
      state: 'S',
      startTime: 1,
      startedAt: new Date(0),
      evidence: 'group',
    },
    tree,
  )

const allowed = (patterns: (string | RegExp)[], ...members: Member[]): number[] =>
  new Allowance(patterns).among(members).map(({ pid }) => pid)

describe('what may outlive its command', () => {
  test.each([
    ['git gc --auto --quiet', true],
    ['/usr/bin/git maintenance run --auto --quiet', true],
    ['/usr/lib/git-core/git -C /x gc', true],
    ['git --no-pager -c gc.auto=1 maintenance run', true],
    ['git commit -m gc', false],
    ['git commit', false],
    ['digit gc', false],
    ['node git-gc.js', false],
    ['git gcx', false],
  ])('%s: %s without being asked', (command, is) => {
    expect(allowed([], member(101, 1, command))).toEqual(is ? [101] : [])
  })

  test('is a command line that contains the text or matches the expression, every time', () => {
    const patterns = ['gradle', /^java .*Daemon$/g]
    for (let round = 0; round < 2; round += 1) {
      expect(
        allowed(
          patterns,
          member(101, 1, 'java -jar GradleDaemon'),
          member(102, 1, 'x gradle y'),
          member(103, 1, 'java Daemons'),
        ),
      ).toEqual([101, 102])
    }
  })

  test('includes what the process has started, and never the leader', () => {
    const members = [
      member(103, 102, 'grandchild'),
      member(102, 101, 'child'),
      member(101, 1, 'gradle'),
      member(104, 1, 'another'),
      member(100, 1, 'gradle, but the leader'),
    ]
    expect(allowed(['gradle'], ...members)).toEqual([103, 102, 101])
  })

  test('includes who is in a session or group that it leads, although the parent has gone', () => {
    const inSession = { ...member(203, 1, 'helper'), session: 201, group: 203 }
    const inGroup = { ...member(204, 1, 'helper'), session: 100, group: 201 }
    const elsewhere = { ...member(205, 1, 'helper'), session: 205, group: 205 }
    const members = [inSession, inGroup, elsewhere, member(201, 1, 'gradle')]
    expect(allowed(['gradle'], ...members)).toEqual([203, 204, 201])
  })
})
