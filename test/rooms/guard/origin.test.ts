import { describe, expect, test } from 'vitest'
import type { KnownProcess } from '../../../src/containment/root.js'
import { type OriginFacts, originOf, type StartClaim } from '../../../src/guard/origin.js'
import type { ProcessRecord } from '../../../src/system/process-table/table.js'

// From which start of a test's file a process comes, as a table of plain data.

const seen: KnownProcess = { pid: 150, startTime: 1001, group: 90, session: 90, evidence: 'mark' }

const start = (number: number, startTime?: number, known: readonly KnownProcess[] = []): StartClaim => ({
  number,
  identity: startTime === undefined ? undefined : { pid: 100 * number, startTime },
  known: new Map(known.map((each) => [each.pid, each])),
})

const first = start(1, 1000, [seen])
const second = start(2, 1010)
/** The call that starts it has not returned. */
const underWay = start(3)

interface Case {
  readonly record?: Partial<ProcessRecord>
  readonly facts?: Partial<OriginFacts>
  readonly starts?: readonly StartClaim[]
  readonly past?: readonly StartClaim[]
}

/** The origin of an orphan without a mark that the main thread has adopted. */
function outcome({ record = {}, facts = {}, starts = [first, second], past = [] }: Case): string {
  const process: ProcessRecord = {
    pid: 500,
    ppid: 1,
    startTime: 1020,
    group: 500,
    session: 500,
    state: 'S',
    hasTerminal: false,
    ...record,
  }
  const known: OriginFacts = { child: 'of the process', isTaken: false, mark: undefined, isStray: false, ...facts }
  const origin = originOf(process, known, starts, new Map(past.map((each) => [each.number, each])))
  return 'start' in origin ? `start ${origin.start.number}, ${origin.evidence}` : origin.kind
}

const elsewhere = { child: undefined }
const ofFirst = { mark: { kind: 'start', number: 1 } } as const
const ofFile = { mark: { kind: 'file' } } as const

describe('a start’s', () => {
  test.for<[string, Case, string]>([
    ['the child itself', { record: { pid: 100, startTime: 1000 } }, 'start 1, leader'],
    ['the child itself, as a zombie', { record: { pid: 100, startTime: 1000, state: 'Z' } }, 'start 1, leader'],
    ['what was seen below it, by what it was found then', { record: { pid: 150, startTime: 1001 } }, 'start 1, mark'],
    ['… whoever else claims it', { record: { pid: 150, startTime: 1001 }, facts: { isTaken: true } }, 'start 1, mark'],
    ['an orphan with its mark', { facts: { ...ofFirst, ...elsewhere } }, 'start 1, mark'],
    ['an orphan with its mark, its start being over', { facts: ofFirst, starts: [], past: [first] }, 'start 1, mark'],
    ['an adopted orphan, if no other start is there', { starts: [second] }, 'start 2, elimination'],
    ['… or if the other is younger', { record: { startTime: 1005 } }, 'start 1, elimination'],
    [
      '… and not by the number of what was seen below one',
      { record: { pid: 150, startTime: 1005 } },
      'start 1, elimination',
    ],
    ['… or if the other’s call has not returned', { starts: [first, underWay] }, 'start 1, elimination'],
  ])('%s', ([, given, expected]) => expect(outcome(given)).toBe(expected))
})

describe('the file’s, and no start’s', () => {
  test.for<[string, Case]>([
    ['an adopted orphan that two starts can have made', {}],
    ['… or none', { record: { startTime: 990 } }],
    ['… or one that is over', { starts: [], past: [first] }],
    ['what `execSync` has started: it carries the number of the next start', { facts: ofFirst, starts: [second] }],
    ['… which comes later', { record: { startTime: 995 }, facts: ofFirst }],
    ['… or whose call has not returned', { facts: { mark: { kind: 'start', number: 3 } }, starts: [first, underWay] }],
    ['a worker thread’s own child', { facts: { child: 'of this thread' }, starts: [first] }],
    ['an orphan with the mark of the file', { facts: { ...ofFile, ...elsewhere, isStray: true }, starts: [first] }],
  ])('%s', ([, given]) => expect(outcome(given)).toBe('file'))
})

describe('nobody’s here', () => {
  test.for<[string, Case, string]>([
    ['a stranger', { facts: elsewhere }, 'foreign'],
    ['a fixture’s command, a child of this process like others', { facts: { isTaken: true } }, 'foreign'],
    ['… in a mark’s words', { facts: { isTaken: true, mark: { kind: 'command' } } }, 'foreign'],
    ['what has the mark of the file and is no orphan', { facts: { ...ofFile, ...elsewhere } }, 'foreign'],
    ['a zombie that nobody has met', { record: { state: 'Z' } }, 'gone'],
  ])('%s', ([, given, expected]) => expect(outcome(given)).toBe(expected))
})
