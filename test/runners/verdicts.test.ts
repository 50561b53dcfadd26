import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { ahead, type InnerOptions, runVitest } from '../inner-run.js'
import { firstOf } from '../short.js'
import { findByCommandLine, makeFolder, removeFolder, uniqueNumber, workspacesIn } from '../machine.js'

// A real Vitest on fixtures/suites/verdicts: what it reports for tests that pass, fail, time out and throw, in every
// pool.

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

interface Verdict {
  readonly status: string
  readonly messages: readonly string[]
}

interface Outcome {
  readonly verdicts: ReadonlyMap<string, Verdict>
  readonly output: string
  readonly log: string
  readonly exitCode: number | null
}

async function runSuite(options: InnerOptions): Promise<Outcome> {
  const folder = makeFolder()
  const [number, report, log] = [uniqueNumber(), join(folder, 'report.json'), join(folder, 'log')]
  const { exitCode, output } = await runVitest('verdicts', {
    ...options,
    args: ['--reporter=json', `--outputFile=${report}`, ...(options.args ?? [])],
    env: { TMPDIR: folder, SUITE_NUMBER: number, SUITE_LOG: log },
  })
  expect(findByCommandLine(number)).toEqual([])
  expect(workspacesIn(folder)).toEqual([])
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  const verdicts = testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ title, status, failureMessages }): [string, Verdict] => [
      title,
      { status, messages: failureMessages },
    ]),
  )
  const said = readFileSync(log, 'utf8')
  await removeFolder(folder)
  return { verdicts: new Map(verdicts), output, log: said, exitCode }
}

const leaked =
  /^(?:Error: |LeakedProcessError: )?2 processes outlived their command and were killed\n\n {2}sh -c 'sleep \d+ & setsid -f sleep \d+' +exited 0 after \d+ ms +\(cwd <workspace>\)\n {2}├─ \d+ sleep \d+ +left (?:behind in the group|the group \(own session\)) +ran \d+ ms +SIGTERM\n {2}└─ \d+ sleep \d+ +left (?:behind in the group|the group \(own session\)) +ran \d+ ms +SIGTERM/

const pools = firstOf(1, [
  ['forks', { pool: 'forks' }],
  ['threads', { pool: 'threads' }],
  ['vmThreads', { pool: 'vmThreads' }],
  ['vmForks', { pool: 'vmForks' }],
  ['forks without isolation', { pool: 'forks', args: ['--no-isolate'] }],
  ['threads without isolation', { pool: 'threads', args: ['--no-isolate'] }],
] as const satisfies readonly (readonly [string, InnerOptions])[])

let outcomes: ReturnType<typeof ahead<Outcome>>
beforeAll(() => {
  outcomes = ahead(
    pools.map(
      ([, options]) =>
        () =>
          runSuite(options),
    ),
  )
})

describe.each(pools.map(([name], index) => [name, index] as const))('in the pool %s', (_name, index) => {
  test('each test gets the verdict that it deserves, and nothing is left', async () => {
    const { verdicts, output, log, exitCode } = await outcomes[index]!
    const passed = [...verdicts].filter(([, { status }]) => status === 'passed').map(([title]) => title)
    expect(passed.filter((title) => !/^test \d+$/.test(title))).toEqual(
      [
        'passes',
        'is expected to fail, and does',
        'leaves its server to the teardown',
        'fails first and passes when it is tried again',
        'kills in its own hook',
        'leaks and is forgiven',
        'exits with an error and is forgiven',
        'the first test starts the server of the file',
        'the second test finds it alive, and kills only its own',
      ].toSorted((a, b) => passed.indexOf(a) - passed.indexOf(b)),
    )
    expect(passed.filter((title) => /^test \d+$/.test(title))).toHaveLength(20)
    const messages = (title: string): readonly string[] => verdicts.get(title)!.messages
    expect(messages('leaks')).toEqual([expect.stringMatching(leaked)])
    expect(messages('one of them leaks')).toEqual([expect.stringMatching(leaked)])
    expect(messages('fails and leaks')).toEqual([
      expect.stringContaining("expected 'the own error' to be 'of the test'"),
      expect.stringMatching(leaked),
    ])
    expect(messages('throws and leaks')).toEqual([
      expect.stringContaining('thrown by the test'),
      expect.stringMatching(leaked),
    ])
    // A process that is left behind is not the expected failure.
    expect(messages('is expected to fail, does, and leaks')).toEqual([
      expect.stringContaining("expected 'what is not mended yet' to be 'mended'"),
      expect.stringMatching(leaked),
    ])
    expect(messages('is expected to fail, and only leaks')).toEqual([expect.stringMatching(leaked)])
    expect(output).toContain('skips itself and leaks skipped itself, and: 2 processes outlived their command')
    // Vitest's JSON report has no message for its own timeout; its other reporters do.
    expect(messages('times out and leaks')).toEqual([expect.any(String), expect.stringMatching(leaked)])
    expect(output).toContain('Error: Test timed out in 1200ms.')
    expect(messages('has a fixture that throws')).toEqual([
      expect.stringContaining('the later fixture throws'),
      expect.stringMatching(leaked),
    ])
    expect(messages('never looks at an exit with an error')).toEqual([
      expect.stringContaining('Process unexpectedly exited with exit code 3. Output:\nsomething went wrong'),
    ])
    expect(messages('never looks at a command that could not start')).toEqual([
      expect.stringMatching(
        /Cannot start no-such-command: no such command on PATH \(ENOENT\)\n {2}cwd: {2}\/.*\n {2}PATH: .*/,
      ),
    ])
    expect(messages('forgets to await a matcher')).toEqual([
      expect.stringContaining('it was not awaited. Write `await expect(…).toHaveOutput()`.'),
    ])
    expect(messages('has a wait that nobody awaits')).toEqual([
      expect.stringContaining('waitForOutput("never") was called and not awaited.'),
    ])
    // Nothing else is reported.
    expect(output).not.toContain('Unhandled')
    // The error leads to the line of the test that waits, and not into this package.
    expect(messages('waits in vain')).toEqual([expect.stringContaining('Timed out after 0.1 seconds:')])
    expect(output).toMatch(/waitForOutput\('never', \{ timeout: 100 \}\)\n +\| +\^/)
    expect(log).toBe('earlier fixture cleaned up\n')
    expect(exitCode).toBe(1)
  }, 60_000)
})
