import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ahead, type InnerResult, inRoot, runVitest, startInner } from '../inner-run.js'
import { endByCommandLine, findByCommandLine, makeFolder, removeFolder, uniqueNumber } from '../machine.js'
import { missing } from '../needs.js'

// Real runs of Vitest whose files run in worker threads, and leave daemons that gave up their environment and their
// parent at once. Threads share their limits, so none of them had a mark of its own.

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[]
  }[]
}

interface Outcome extends InnerResult {
  /** How many of the leaks, of the allowed daemons and of the runner's own processes are alive. */
  readonly alive: readonly number[]
  readonly tests: Readonly<Record<string, string>>
  /** What the files themselves are blamed for. */
  readonly blamed: Readonly<Record<string, string>>
}

async function runSuite(pool: 'threads' | 'vmThreads', files: readonly string[], env = {}): Promise<Outcome> {
  const folder = makeFolder()
  const numbers = [uniqueNumber(), uniqueNumber(), uniqueNumber()] as const
  const [leaked, allowed, stranger] = numbers
  const result = await runVitest('guard-threads', {
    pool,
    args: [...files, '--reporter=default', '--reporter=json', `--outputFile.json=${join(folder, 'report.json')}`],
    env: {
      TMPDIR: folder,
      SUITE_FOLDER: folder,
      SUITE_NUMBER: leaked,
      SUITE_ALLOWED: allowed,
      SUITE_STRANGER: stranger,
      ...env,
    },
  })
  const alive = numbers.map((number) => findByCommandLine(number).length)
  for (const number of numbers) await endByCommandLine(number)
  const { testResults } = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report
  await removeFolder(folder)
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults.map((each) => [each.title, each.status]))
  const blamed = testResults.map(({ name, message }) => [basename(name), message])
  return { ...result, alive, tests: Object.fromEntries(tests), blamed: Object.fromEntries(blamed) }
}

const swept = { SUITE_GLOBAL_SETUP: '1' }
const beside = ['leaks', 'stays']
const reason = missing('setsid')

describe.skipIf(reason !== undefined)('Daemons that escape at once from worker threads', () => {
  let outcomes: readonly Promise<Outcome>[]
  beforeAll(() => {
    outcomes = ahead([
      () => runSuite('threads', ['alone'], swept),
      () => runSuite('vmThreads', ['alone']),
      () => runSuite('threads', beside, swept),
      () => runSuite('vmThreads', beside),
      () => runSuite('threads', beside, { ...swept, PROCTOR_GUARD: 'report' }),
    ])
  })
  afterAll(() => Promise.allSettled(outcomes))

  test.each([
    ['threads, with the global set-up', 0],
    ['vmThreads', 1],
  ])('in %s each fails its test, and nothing else is touched', async (_name, index) => {
    const { alive, tests, exitCode } = await outcomes[index]!
    expect(tests).toEqual({
      'execSync without an environment': 'failed',
      'spawnSync with PATH alone': 'failed',
      'spawn without an environment': 'failed',
      'leaves nothing': 'passed',
      'leaves what is allowed': 'passed',
    })
    expect({ alive, exitCode }).toEqual({ alive: [0, 1, 2], exitCode: 1 })
  })

  test('if several files were running the run is blamed, and no file', async () => {
    const { alive, tests, blamed, exitCode, output } = await outcomes[2]!
    expect(Object.values(tests)).toEqual(['passed', 'passed'])
    expect(Object.values(blamed)).toEqual(['', ''])
    expect(output).toMatch(
      /proctor: 1 process outlived the test run and was killed\n\n {2}└─ \d+ sleep 86400 \d+ {2}ran/,
    )
    expect(output).toContain('Which test file started this is not known: several were running in worker threads.')
    expect({ alive, exitCode }).toEqual({ alive: [0, 1, 2], exitCode: 1 })
  })

  test('without the global set-up the last file is blamed', async () => {
    const { alive, tests, blamed, exitCode } = await outcomes[3]!
    expect(Object.values(tests)).toEqual(['passed', 'passed'])
    expect(Object.values(blamed).filter((message) => message !== '')).toHaveLength(1)
    expect(Object.values(blamed).join('')).toContain('1 process outlived the test file that started it and was killed')
    expect({ alive, exitCode }).toEqual({ alive: [0, 1, 2], exitCode: 1 })
  })

  test('a guard that only reports ends nothing', async () => {
    const { alive, exitCode } = await outcomes[4]!
    expect({ alive, exitCode }).toEqual({ alive: [1, 1, 2], exitCode: 0 })
  })

  test('in Jest’s worker threads the run is blamed, too', async () => {
    const folder = makeFolder()
    const [leaked, allowed] = [uniqueNumber(), uniqueNumber()]
    const args = [inRoot('node_modules/jest/bin/jest.js'), '--config', 'jest.config.cjs']
    const { exitCode, output } = await startInner(process.execPath, args, {
      cwd: inRoot('fixtures/suites/guard-jest-threads'),
      env: { TMPDIR: folder, SUITE_FOLDER: folder, SUITE_NUMBER: leaked, SUITE_ALLOWED: allowed },
    }).result
    const alive = [leaked, allowed].map((number) => findByCommandLine(number).length)
    for (const number of [leaked, allowed]) await endByCommandLine(number)
    await removeFolder(folder)
    expect(output).toContain('proctor: 1 process outlived the test run and was killed')
    expect(output).toContain('Tests:       2 passed, 2 total')
    expect({ alive, exitCode }).toEqual({ alive: [0, 1], exitCode: 1 })
  })
})
