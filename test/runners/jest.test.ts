import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type InnerRun, inRoot, startInner } from '../inner-run.js'
import {
  expectNothingLeft,
  findByCommandLine,
  makeFolder,
  numberIn,
  removeFolder,
  uniqueNumber,
  workspacesIn,
} from '../machine.js'

// A real Jest on fixtures/suites/jest, in its default configuration: what it reports, and what it leaves behind.

const jestCli = inRoot('node_modules/jest/bin/jest.js')
const suite = inRoot('fixtures/suites/jest')

interface Given {
  readonly number: string
  readonly folder: string
  readonly run: InnerRun
}

function start(files: string, env: NodeJS.ProcessEnv = {}, ...args: readonly string[]): Given {
  const [number, folder] = [uniqueNumber(), makeFolder()]
  onTestFinished(() => removeFolder(folder))
  const given = { TMPDIR: folder, SUITE_NUMBER: number, SUITE_FILES: files, ...env }
  const all = [jestCli, '--config', 'jest.config.cjs', '--verbose', ...args]
  return { number, folder, run: startInner(process.execPath, all, { cwd: suite, env: given }) }
}

async function verdictsOf({ number, folder, run }: Given, report: string): Promise<Map<string, readonly string[]>> {
  await run.result
  expect(findByCommandLine(number)).toEqual([])
  expect(workspacesIn(folder)).toEqual([])
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as {
    testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[] }[]
  }
  return new Map(
    testResults.flatMap(({ assertionResults }) =>
      assertionResults.map(({ title, status, failureMessages }) => [
        title,
        status === 'passed' ? [] : failureMessages.map((message) => message.split('\n    at ')[0]!),
      ]),
    ),
  )
}

const reportFile = (): string => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  return join(folder, 'report.json')
}

const leaked = expect.stringMatching(
  /^LeakedProcessError: 2 processes outlived their command and were killed\n\n {2}sh -c 'sleep \d+ & setsid -f sleep \d+' +exited 0 after \d+ ms +\(cwd <workspace>\)\n {2}├─ \d+ sleep \d+ +left (?:behind in the group|the group \(own session\)) +ran \d+ ms +SIGTERM\n {2}└─ \d+ sleep \d+ +left (?:behind in the group|the group \(own session\)) +ran \d+ ms +SIGTERM/,
)

test('each test gets the verdict that it deserves, and nothing is left', async () => {
  const report = reportFile()
  const given = start('verdicts.test.cjs', {}, '--json', `--outputFile=${report}`)
  const verdicts = await verdictsOf(given, report)
  const { exitCode, output } = await given.run.result
  expect(exitCode).toBe(1)
  // What the test's commands did stands below the error and above the line of the test.
  expect(output).toMatch(
    /Received: "the own error"\n\n +The test ran 1 command\n\n +sh -c .* exited 0 after \d+ ms +\(cwd <workspace>\)\n +│ no output\n\n +\d+ \|/,
  )
  expect(output).toMatch(/thrown: "Exceeded timeout of 600 ms[^]*?"\n\n +The test ran 1 command\n/)
  expect(output).toMatch(/something went wrong\n\n +The test ran 1 command\n[^]*?│ its output is shown above\n/)
  expect(output).toMatch(/> \d+ \| {3}const command = run\('sh', \['-c', 'echo something went wrong; exit 3'\]\)/)
  const contains = (text: string): unknown => expect.stringContaining(text)
  expect(Object.fromEntries(verdicts)).toEqual({
    passes: [],
    'kills in a hook of its own that is defined later': [],
    leaks: [leaked],
    'fails and leaks': [contains('Received: "the own error"'), leaked],
    'times out and leaks': [contains('Exceeded timeout of 600 ms for a test'), leaked],
    'never looks at an exit with an error': [
      contains('UnexpectedExitError: Process unexpectedly exited with exit code 3. Output:\nsomething went wrong'),
    ],
    'never looks at a command that could not start': [
      contains('Cannot start no-such-command: no such command on PATH'),
    ],
    'is told by the matchers what is wrong': [
      contains(`Expected it to be dead: sleep ${given.number} is running (pid `),
    ],
    'sees an exit that nobody asked for': [],
    'does not give the runner’s own variables to a command': [],
    'uses no clock of the test’s': [],
    'leaks and is forgiven': [],
    'has one fixture, whichever way it asks for it': [],
    'leaks and is blamed again': [leaked],
    'start commands of the test': [],
    'cannot use what each test has': [contains('For a beforeAll or a whole file write useProctor({ scope: "file" }).')],
    'calls useProctor in a test': [contains('useProctor() is called at the top of a test file or of a describe block')],
    'leaves its server to the teardown': [],
    'a daemon that the test starts by itself is not a command’s': [],
    'a concurrent test passes': [],
    'a concurrent test leaks': [leaked],
    // Jest runs no hooks for a concurrent test, so what the teardown finds comes before the test's own error.
    'a concurrent test fails and leaks': [leaked, contains('thrown by the test')],
    'concurrent test 1 has a workspace of its own': [],
    'concurrent test 2 has a workspace of its own': [],
    'concurrent test 3 has a workspace of its own': [],
  })
}, 60_000)

test('a command for the whole file outlives its tests, and each attempt of a retry has a verdict of its own', async () => {
  const { run, number, folder } = start('{shared-server,retries}.test.cjs')
  const { exitCode, output } = await run.result
  expect(output).toMatch(/Tests: +3 passed, 3 total/)
  expect(exitCode).toBe(0)
  await expectNothingLeft(number, folder)
})

test('in one process, file after file, containment stays strict', async () => {
  const { run, number, folder } = start('many.test.cjs', { SUITE_TIMES: '12', SUITE_LEVEL: 'strict' }, '--runInBand')
  const { exitCode, output } = await run.result
  expect(output).toMatch(/Tests: +12 passed, 12 total/)
  expect(output).not.toContain('MaxListenersExceededWarning')
  expect(exitCode).toBe(0)
  await expectNothingLeft(number, folder)
})

test('ES modules', async () => {
  const env = { NODE_OPTIONS: '--experimental-vm-modules', SUITE_LEVEL: 'strict' }
  const { run, number, folder } = start('modules.test.mjs', env)
  const { exitCode, output } = await run.result
  expect(output).toContain('✓ kills a tree')
  expect(output).toContain('✕ leaks')
  expect(output).toContain('LeakedProcessError: 1 process outlived its command and was killed')
  expect(exitCode).toBe(1)
  await expectNothingLeft(number, folder)
})

describe('a bad end', () => {
  const fault = async (kind: string, ...args: string[]): Promise<Given & { worker: number }> => {
    const folder = makeFolder()
    onTestFinished(() => removeFolder(folder))
    const [number, ready] = [uniqueNumber(), join(folder, 'ready')]
    // Twice: a single file runs in the main process.
    const env = { FAULT: kind, FAULT_NUMBER: number, FAULT_READY: ready, SUITE_TIMES: '2' }
    const given = start('fault.case.cjs', env, ...args)
    return { ...given, number, worker: await numberIn(ready) }
  }

  test.each([
    ['a worker', ['--workers=2']],
    ['the main process, with the tests in it', ['--runInBand']],
  ])('%s gets SIGKILL', async (_who, args) => {
    const { worker, number, folder, run } = await fault('hang', ...args)
    expect(findByCommandLine(number).length).toBeGreaterThanOrEqual(6)
    process.kill(worker, 'SIGKILL')
    // The second worker hangs.
    if (worker !== run.child.pid) process.kill(run.child.pid!, 'SIGKILL')
    await run.result
    await expectNothingLeft(number, folder)
  })

  test('the main process gets SIGKILL, and its workers end with it', async () => {
    const { number, folder, run } = await fault('hang', '--workers=2')
    run.child.kill('SIGKILL')
    await run.result
    await expectNothingLeft(number, folder)
  })

  test('the test calls process.exit', async () => {
    const { number, folder, run } = await fault('process-exit', '--runInBand')
    expect((await run.result).exitCode).toBe(1)
    await expectNothingLeft(number, folder)
  })
})

test('the global hooks end what nobody tore down, and fail the run', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const [number, ready] = [uniqueNumber(), join(folder, 'ready')]
  const env = { FAULT: 'no-teardown', FAULT_NUMBER: number, FAULT_READY: ready }
  const { run } = start('fault.case.cjs', env)
  const { exitCode, output } = await run.result
  expect(output).toMatch(/proctor: \d+ processes outlived the test run and were killed/)
  expect(exitCode).toBe(1)
  await expectNothingLeft(number, folder)
})
