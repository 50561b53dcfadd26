import { describe, expect, test } from 'vitest'
import {
  attribute,
  type Attribution,
  type Claim,
  type Facts,
  type Parentage,
} from '../../../src/containment/attribute.js'
import type { ProcessRecord } from '../../../src/system/process-table/table.js'

// Which command a process belongs to, as a table of plain data: processes that escape, and processes that must never be
// taken for a command's.

const unlimited = (1n << 64n) - 1n
const mark = (1n << 61n) | 0x1_0000_0000_0001n
const bin = ['PATH=/bin']

const claim = (more: Partial<Claim> = {}): Claim => ({
  identity: { pid: 100, startTime: 1000 },
  mark: 'PROCTOR_MARK_x=1.1',
  locks: mark,
  leadsGroup: true,
  workspace: '/tmp/w',
  streams: new Set(['pipe:[7]']),
  known: new Map([[150, { pid: 150, startTime: 1001, group: 150, session: 150, evidence: 'parent chain' }]]),
  groups: new Set([100]),
  sessions: new Set([100]),
  ...more,
})

/** The same without a second mark, as where there are no system calls. */
const unlimitedClaim = (more: Partial<Claim> = {}): Claim => claim({ locks: undefined, ...more })

/** The leader has gone, and so has every other member of its group. */
const emptied = { groups: new Set<number>(), sessions: new Set<number>() }

interface Case {
  readonly record?: Partial<ProcessRecord>
  readonly facts?: Partial<Facts<Claim>>
  readonly root?: Claim
}

const orphan: Parentage<never> = { kind: 'orphan' }
const adopted: Parentage<never> = { kind: 'adopted' }
const strangers: Parentage<never> = { kind: 'strangers' }

/** The outcome for an orphan in its own session, in nobody's folder, with an ordinary environment and no mark. */
function outcome({ record = {}, facts = {}, root = claim() }: Case): string {
  const process: ProcessRecord = {
    pid: 200,
    ppid: 1,
    startTime: 1005,
    group: 200,
    session: 200,
    state: 'S',
    hasTerminal: false,
    ...record,
  }
  const known: Facts<Claim> = {
    parentage: orphan,
    isInOwnSession: false,
    environment: bin,
    locks: { soft: unlimited, hard: unlimited },
    isOutside: false,
    isLocal: true,
    cwd: '/',
    files: [],
    ...facts,
  }
  const attribution: Attribution<Claim> = attribute(process, known, [root])
  return attribution.kind === 'ours' ? `ours: ${attribution.evidence}` : attribution.kind
}

const withLimit = { locks: { soft: mark, hard: unlimited } }
const inWorkspace = { cwd: '/tmp/w/sub' }
const cleared = { environment: [] }

const ours = claim()

describe('a command’s', () => {
  test.each<[string, Case, string]>([
    ['the leader', { record: { pid: 100, startTime: 1000 } }, 'leader'],
    [
      'the leader, a zombie of which nothing can be read',
      { record: { pid: 100, startTime: 1000, state: 'Z' } },
      'leader',
    ],
    ['one that was seen below it, whatever it has become', { record: { pid: 150, startTime: 1001 } }, 'parent chain'],
    ['a child', { facts: { parentage: { kind: 'ours', root: ours } }, root: ours }, 'parent chain'],
    ['a background child', { record: { group: 100, session: 100 } }, 'group'],
    ['a job with a group of its own', { record: { session: 100 } }, 'session'],
    ['a daemon with its environment', { facts: { environment: [...bin, 'PROCTOR_MARK_x=1.1'] } }, 'mark'],
    ['the invisible daemon: by its limit', { facts: { ...cleared, ...withLimit } }, 'mark'],
    ['one that is not dumpable', { facts: { environment: undefined, cwd: undefined, ...withLimit } }, 'mark'],
    ['one in the middle of an exec', { facts: { ...cleared, ...withLimit } }, 'mark'],
    [
      'a zombie’s limit is left',
      { record: { state: 'Z' }, facts: { ...cleared, cwd: undefined, ...withLimit } },
      'mark',
    ],
    ['a program of an inner proctor', { facts: { locks: { soft: (1n << 60n) | 5n, hard: mark } } }, 'mark'],
    [
      'another user’s: setuid, or dropped its rights',
      { facts: { isLocal: false, environment: undefined, ...withLimit } },
      'mark',
    ],
    ['one below the first process of another namespace', { facts: { parentage: strangers, ...withLimit } }, 'mark'],
    ['one with a terminal of its own', { record: { hasTerminal: true }, facts: { ...cleared, ...withLimit } }, 'mark'],
    ['a child by CLONE_PARENT', { facts: { parentage: strangers, ...cleared, ...withLimit } }, 'mark'],
    ['one that calls itself one of ours', { facts: { isOutside: true, ...withLimit } }, 'mark'],
    ['one whose limit PAM has reset', { facts: { environment: ['PROCTOR_MARK_x=1.1'] } }, 'mark'],
  ])('%s', (_title, each, evidence) => {
    expect(outcome(each)).toBe(`ours: ${evidence}`)
  })
})

describe('a command’s, where no second mark can be set', () => {
  test.each<[string, Case, string]>([
    [
      'an orphan with a cleared environment, adopted',
      { facts: { parentage: adopted, ...cleared, ...inWorkspace } },
      'workspace',
    ],
    ['the same, by its output', { facts: { parentage: adopted, ...cleared, files: ['pipe:[7]'] } }, 'standard streams'],
    [
      'an orphan that wrote its title over its environment',
      { facts: { environment: ['server: idle'], ...inWorkspace } },
      'workspace',
    ],
    [
      'an orphan that is not dumpable, by an open file',
      { facts: { environment: undefined, files: ['/tmp/w/log'] } },
      'workspace',
    ],
  ])('%s', (_title, { facts }, evidence) => {
    expect(outcome({ facts: facts!, root: unlimitedClaim() })).toBe(`ours: ${evidence}`)
  })
})

describe('not a command’s, whatever it holds open', () => {
  const held = { ...inWorkspace, files: ['/tmp/w/log', 'pipe:[7]'] }
  test.each<[string, Case, string]>([
    ['an editor that is older', { record: { startTime: 999 }, facts: held }, 'foreign'],
    ['a language server: its editor lives', { facts: { parentage: strangers, ...held } }, 'foreign'],
    [
      'a language server with a cleared environment',
      { facts: { parentage: strangers, ...held, ...cleared } },
      'unknown',
    ],
    ['a person’s shell', { record: { hasTerminal: true }, facts: held }, 'foreign'],
    ['a file indexer, a backup: orphans', { facts: held }, 'unattributed'],
    ['a debugger that holds the output', { facts: { files: ['pipe:[7]'] } }, 'unattributed'],
    [
      'another user’s, with our folder open',
      { facts: { isLocal: false, ...held, environment: undefined } },
      'unattributed',
    ],
    ['another command’s of ours', { facts: { ...held, locks: { soft: mark + 1n, hard: unlimited } } }, 'unattributed'],
    [
      'a session with the number of a dead leader',
      { record: { group: 100, session: 100 }, root: claim(emptied) },
      'unattributed',
    ],
    ['a group with the number of a dead leader', { record: { group: 100 }, root: claim(emptied) }, 'unattributed'],
    [
      'a person’s shell with that number',
      { record: { pid: 100, group: 100, session: 100, hasTerminal: true }, root: claim(emptied) },
      'foreign',
    ],
    ['a stranger with the number of one that was known', { record: { pid: 150, startTime: 2000 } }, 'unattributed'],
    ['what the test itself started', { facts: { isOutside: true, ...held } }, 'foreign'],
    ['the same, adopted', { facts: { isOutside: true, parentage: adopted, ...held } }, 'foreign'],
    ['the runner’s own', { facts: { isInOwnSession: true, ...held } }, 'foreign'],
    [
      'a pseudo-terminal of the test’s own, adopted',
      { record: { hasTerminal: true }, facts: { parentage: adopted } },
      'foreign',
    ],
    [
      'another namespace’s, in our folder',
      { facts: { isLocal: false, ...held, ...cleared, parentage: adopted } },
      'unattributed',
    ],
  ])('%s', (_title, each, kind) => {
    expect(outcome(each)).toBe(kind)
  })

  test.each<[string, Facts<Claim>['environment']]>([
    ['a backup with an environment of its own', bin],
    ['one that may not be read, of another user', undefined],
  ])('where no second mark can be set: %s', (_title, environment) => {
    expect(
      outcome({ facts: { ...held, environment, isLocal: environment !== undefined }, root: unlimitedClaim() }),
    ).toBe('unattributed')
  })
})

test('a worker’s mark matches each of its commands', () => {
  const worker = claim({ mark: 'PROCTOR_MARK_x=', locks: mark & ~0xfffffn })
  expect(outcome({ facts: withLimit, root: worker })).toBe('ours: mark')
  expect(outcome({ facts: { environment: ['PROCTOR_MARK_x=9.9'] }, root: worker })).toBe('ours: mark')
  expect(outcome({ facts: { locks: { soft: 1n << 61n, hard: unlimited } }, root: worker })).toBe('unattributed')
})

test('an exiting process that cannot be read is unknown, but only if it can be ours', () => {
  const unreadable = { environment: undefined, cwd: undefined, files: [] }
  expect(outcome({ facts: { ...unreadable, parentage: adopted } })).toBe('unknown')
  expect(outcome({ facts: { ...unreadable, parentage: adopted, isLocal: false } })).toBe('unattributed')
  expect(outcome({ facts: cleared })).toBe('unknown')
})
