import { describe, expect, test } from 'vitest'
import { readTrace } from '../../../../src/trace/page/model/read.js'

// What the page reads from the lines of a trace, as plain data.

const process = (p: number, parent: number | undefined, t: number, ppid = 7): object =>
  Object.assign(
    { k: 'process', p, c: 1, t, pid: 100 + p, ppid, parent, start: t },
    { command: `program ${p}`, group: 101, session: 101, leader: p === 1 },
  )
const command = { k: 'command', c: 1, t: 0, command: 'program 1', cwd: '/', env: { added: [], removed: [] } }
const gone = (p: number, t: number): object => ({ k: 'gone', p, t })
const finding = { pid: 102, p: 2, place: 'left behind in the group', outcome: 'SIGTERM' }
const end = (...findings: object[]): object => ({ k: 'end', t: 90, state: 'failed', errors: [], findings, files: [] })

const orphanedAt = (...records: object[]): number | undefined =>
  readTrace(`${[command, ...records].map((record) => JSON.stringify(record)).join('\n')}\n`).processes.find(
    ({ pid }) => pid === 102,
  )?.orphanedAt

describe('since when a process is an orphan', () => {
  const tree = [process(1, undefined, 0), process(2, 1, 10)]
  test.each([
    ['when it was seen', [...tree, gone(1, 20), { k: 'parent', p: 2, t: 25, ppid: 1 }, gone(2, 40), end(finding)], 25],
    ['when its parent ended, where nobody has seen it', [...tree, gone(1, 20), gone(2, 40), end(finding)], 20],
    ['the same, and it lives', [...tree, gone(1, 20), end(finding)], 20],
    ['not, where its parent lived longer', [...tree, gone(2, 30), gone(1, 40), end(finding)], undefined],
    ['not, where its command was ended with it', [...tree, gone(1, 20), gone(2, 21), end()], undefined],
    ['not, where nothing is known of a parent', [process(2, undefined, 10), gone(2, 40), end(finding)], undefined],
    ['at first sight, where process 1 has it', [process(2, undefined, 10, 1), gone(2, 40), end(finding)], 10],
    [
      'at first sight, where the worker has it',
      [{ k: 'trace', v: 2, worker: 50 }, process(2, undefined, 10, 50), gone(2, 40), end(finding)],
      10,
    ],
  ])('%s', (_title, records, expected) => {
    expect(orphanedAt(...records)).toBe(expected)
  })
})
