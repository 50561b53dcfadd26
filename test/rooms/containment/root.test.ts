import { spawn } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'
import { attributeKnown } from '../../../src/containment/attribute.js'
import type { Evidence } from '../../../src/containment/evidence.js'
import { type KnownProcess, remember, track } from '../../../src/containment/root.js'
import type { Tree } from '../../../src/containment/tree.js'
import { table } from '../../../src/system/process-table/current.js'
import type { ProcessRecord } from '../../../src/system/process-table/table.js'
import { eventually } from '../../machine.js'
import { needs } from '../../needs.js'

// What is known of a root's processes, as tables of plain data. A guess stays a guess.

const givenTree = (): Tree =>
  track({
    identity: { pid: 999_999_999, startTime: 1 },
    mark: 'PROCTOR_MARK_guess=1',
    locks: undefined,
    owner: { kind: 'command', fixture: '0.1', number: 1 } as const,
    leadsGroup: true,
    workerSession: 0,
    workspace: '/nowhere',
    streams: new Set<string>(),
    isHeld: () => true,
    groupIsGone: false,
  })

/** A record in group 900, which has no leader. */
const record = (pid: number, ppid = 1, more: Partial<ProcessRecord> = {}): ProcessRecord => ({
  pid: 1_000_000_000 + pid,
  ppid: ppid === 1 ? 1 : 1_000_000_000 + ppid,
  startTime: 5,
  group: 1_000_000_900,
  session: 1_000_000_800,
  state: 'S',
  hasTerminal: false,
  ...more,
})

describe('what is known of a process that is seen again', () => {
  const seen = (...looks: readonly (readonly [ProcessRecord, Evidence?])[]): Tree => {
    const tree = givenTree()
    for (const [each, evidence] of looks) remember(tree, each, evidence)
    return tree
  }

  test.each<[string, readonly (readonly [ProcessRecord, Evidence?])[], Evidence]>([
    ['one that was found by its place', [[record(1), 'workspace']], 'workspace'],
    ['… by its output', [[record(1), 'standard streams']], 'standard streams'],
    ['… by elimination', [[record(1), 'elimination']], 'elimination'],
    [
      '… and again',
      [
        [record(1), 'workspace'],
        [record(1), 'workspace'],
      ],
      'workspace',
    ],
    ['what such a one has started', [[record(2), 'workspace'], [record(1, 2)]], 'workspace'],
    ['a child of a child of such a one', [[record(3), 'elimination'], [record(2, 3)], [record(1, 2)]], 'elimination'],
    [
      'one that shows a mark later',
      [
        [record(1), 'workspace'],
        [record(1), 'mark'],
      ],
      'mark',
    ],
    [
      'one that is met by its place later',
      [
        [record(1), 'mark'],
        [record(1), 'workspace'],
      ],
      'mark',
    ],
    ['a child of a marked one', [[record(2), 'mark'], [record(1, 2)]], 'parent chain'],
    ['a child of a leader', [[record(1, 2)]], 'parent chain'],
    [
      'one whose number was another’s, of which there was proof',
      [
        [record(1, 1, { startTime: 4 }), 'mark'],
        [record(1), 'workspace'],
      ],
      'workspace',
    ],
  ])('%s', (_title, looks, evidence) => {
    expect(attributeKnown(record(1), [seen(...looks)])).toMatchObject({ evidence })
  })

  const known = (more: Partial<KnownProcess>): KnownProcess => ({
    ...record(1),
    group: 999_999_999,
    evidence: 'mark',
    ...more,
  })
  test.each<[string, KnownProcess, boolean]>([
    ['a marked one', known({}), true],
    ['a guess', known({ evidence: 'workspace' }), false],
    ['a guess that leads a session', known({ evidence: 'workspace', session: record(1).pid }), true],
  ])('whose group it is in, as proven by %s', (_title, process, isOwn) => {
    expect(seen().owns('group', process)).toBe(isOwn)
  })

  test('a group that a guess has made is not taken for the root’s', () => {
    const tree = seen([record(1, 1, { group: record(1).pid }), 'workspace'])
    expect(tree.owns('group', known({ pid: 7, group: record(1).pid }))).toBe(false)
  })
})

test('a group is a root’s own while somebody who was seen in it is in it', async () => {
  needs('bash')
  // A job of two processes, whose parent waits for both.
  const shell = spawn('bash', ['-c', 'set -m; sleep 101 | sleep 102 & jobs -p; echo $!; wait'], { stdio: 'pipe' })
  onTestFinished(() => void shell.kill('SIGKILL'))
  let output = ''
  shell.stdout.on('data', (text) => (output += text))
  const numbers = await eventually(() => /^(\d+)\n(\d+)\n/.exec(output)?.slice(1).map(Number), 'the job')
  const [leader, member] = numbers as [number, number]
  const tree = track({ ...givenTree(), identity: table.identify(leader)!, isHeld: () => false })
  remember(tree, table.identify(member)!)
  const end = async (pid: number): Promise<void> => {
    process.kill(pid, 'SIGKILL')
    await eventually(() => (table.identify(pid) === undefined ? true : undefined), `${pid} has gone`)
  }
  await end(leader)
  expect(tree.groups.has(leader)).toBe(true)
  await end(member)
  // From here on, whatever joins a group with this number is a stranger.
  expect(tree.groups.has(leader)).toBe(false)
})
