import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatBaseline, readBaseline, toKnown } from '../../../src/guard/baseline.js'
import type { GuardOrigin } from '../../../src/guard/report.js'
import { formatLeakSummary, type LeakNote } from '../../../src/guard/summary.js'

const note = (site: string | undefined, processes: number, unit: string, more: Partial<LeakNote> = {}): LeakNote => ({
  at: site?.split(':')[0] ?? 'unknown',
  command: 'node server.mjs',
  site,
  processes,
  unit,
  kind: 'test',
  isTolerated: false,
  ...more,
})

const origin = (command: string | undefined, left: string[], file?: string): GuardOrigin => ({
  command,
  state: '',
  site: file === undefined ? undefined : { file, line: 4, column: 1 },
  startedIn: undefined,
  left: left.map((each) => ({ pid: 1, ppid: 1, command: each, place: '', ranMs: 1, outcome: '' })),
})

describe('the sum at the end of a run', () => {
  test('is a line for each line of code, the worst first', () => {
    const summary = formatLeakSummary([
      note('test/b.js:9', 1, 'one', { kind: 'file', command: 'redis-server' }),
      note('test/helper.js:4', 2, 'one'),
      note('test/helper.js:4', 1, 'two'),
      note('test/helper.js:4', 1, 'three'),
      note(undefined, 1, 'two', { command: 'sleep <n>' }),
      note('test/a.js:1', 1, 'one'),
    ])
    expect(summary).toBe(
      [
        'proctor: 7 processes outlived 3 tests and 1 test file',
        '  test/helper.js:4 started 4 processes that outlived 3 tests: node server.mjs',
        '  a line that is not known started 1 process that outlived 1 test: sleep <n>',
        '  test/a.js:1 started 1 process that outlived 1 test: node server.mjs',
        '  test/b.js:9 started 1 process that outlived 1 test file: redis-server',
      ].join('\n'),
    )
  })

  test('says when none of it fails the run, and nothing of nothing', () => {
    expect(formatLeakSummary([note('a.js:1', 1, 'one', { isTolerated: true })])).toMatch(/1 test, none of which fails/)
    expect(formatLeakSummary([])).toBeUndefined()
  })
})

describe('the baseline', () => {
  test('knows a leak by its file and its command line, less what differs from run to run', () => {
    const at = join(process.cwd(), 'test/helper.js')
    expect(toKnown(origin(`node ${tmpdir()}/x-17/server.mjs --port 4017`, ['node worker'], at))).toEqual([
      { at: 'test/helper.js', command: 'node <temporary> --port <n>' },
    ])
    expect(toKnown(origin(undefined, ['sleep 5', 'cat']))).toEqual([
      { at: 'unknown', command: 'sleep <n>' },
      { at: 'unknown', command: 'cat' },
    ])
  })

  test('is sorted JSON, a leak a line, each once', () => {
    const [b, a] = [
      { at: 'b.js', command: 'x' },
      { at: 'a.js', command: 'x' },
    ]
    const text = '[\n  {"at":"a.js","command":"x"},\n  {"at":"b.js","command":"x"}\n]\n'
    expect(formatBaseline([b, a, b])).toBe(text)
    expect(JSON.parse(formatBaseline([]))).toEqual([])
  })

  test('that is invalid is an error, and a missing one counts as empty', () => {
    const folder = mkdtempSync(join(tmpdir(), 'baseline-'))
    const path = join(folder, 'known.json')
    expect(readBaseline(path)).toBeUndefined()
    writeFileSync(path, 'oops')
    expect(() => readBaseline(path)).toThrow(/^guard: the baseline ".*" is no JSON \(.*\)\. PROCTOR_GUARD_UPDATE=1/)
    writeFileSync(path, '[{"at":1}]')
    expect(() => readBaseline(path)).toThrow('is no list of { "at", "command" }')
    rmSync(folder, { recursive: true })
  })
})
