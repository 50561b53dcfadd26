import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { ahead, type InnerOptions, type InnerResult, inRoot, runVitest, startVitest } from '../inner-run.js'
import {
  eventually,
  expectNothingLeft,
  endByCommandLine,
  findByCommandLine,
  isRunning,
  makeFolder,
  numberIn,
  removeFolder,
  uniqueNumber,
} from '../machine.js'
import { firstOf } from '../short.js'

// Real runs of Vitest on fixtures/suites/guard, whose tests start processes by themselves. The test reads /proc, and
// looks for a number that stands in every command line.

interface Assertion {
  readonly title: string
  readonly status: string
  readonly failureMessages: readonly string[]
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly Assertion[]
  }[]
}

/** A process of the test's own that must not be touched. It has the number in its command line as well. */
function bystander(number: string): () => void {
  const child = spawn('sleep', ['86399', number], { detached: true, stdio: 'ignore', argv0: 'bystander' })
  return () => {
    expect(isRunning(child.pid!)).toBe(true)
    child.kill('SIGKILL')
  }
}

/** What was reported for a file: for its tests, and for the file as a whole. */
interface FileOutcome {
  readonly tests: readonly Assertion[]
  readonly message: string
}

interface Outcome {
  readonly files: ReadonlyMap<string, FileOutcome>
  readonly output: string
  readonly exitCode: number | null
}

async function runSuite(wanted: readonly string[], options: InnerOptions = {}): Promise<Outcome> {
  const folder = makeFolder()
  const [number, report] = [uniqueNumber(), join(folder, 'report.json')]
  const expectAlive = bystander('86398')
  const { exitCode, signal, output } = await runVitest('guard', {
    ...options,
    args: [...wanted, '--reporter=json', `--outputFile=${report}`, ...(options.args ?? [])],
    env: { TMPDIR: folder, SUITE_NUMBER: number, ...options.env },
  })
  expect(findByCommandLine(number)).toEqual([])
  expectAlive()
  if (!existsSync(report)) throw new Error(`No report. Exit code ${exitCode}, signal ${signal}\n${output}`)
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  await removeFolder(folder)
  const files = testResults.map(({ name, message, assertionResults }): [string, FileOutcome] => [
    basename(name),
    { tests: assertionResults, message },
  ])
  return { files: new Map(files), output, exitCode }
}

/** The same for a single file. */
async function runFile(file: string, env: NodeJS.ProcessEnv = {}): Promise<FileOutcome & Omit<Outcome, 'files'>> {
  const { files, ...outcome } = await runSuite([file], { env: { PROCTOR_GUARD_LEAK_TIMEOUT: '100', ...env } })
  return { ...files.get(`${file}.test.ts`)!, ...outcome }
}

/** The places where a suite says that it starts something: `file:line`, by the text of the comment. */
function linesOf(...files: string[]): Map<string, string> {
  return new Map(
    files.flatMap((file) =>
      readFileSync(inRoot(`fixtures/suites/guard/${file}`), 'utf8')
        .split('\n')
        .flatMap((text, index) => {
          const what = /\/\/ the line of: (.*)$/.exec(text)?.[1]
          return what === undefined ? [] : [[what, `fixtures/suites/guard/${file}:${index + 1}`] as const]
        }),
    ),
  )
}

// None of these in `npm test`, which runs the files of `blamed`.
const pools = firstOf(0, [
  ['forks', { pool: 'forks' }],
  ['threads', { pool: 'threads' }],
  ['forks, by the process table', { pool: 'forks', env: { PROCTOR_GUARD_CONTAINMENT: 'basic' } }],
  ['forks without isolation', { pool: 'forks', args: ['--no-isolate', '--maxWorkers=1'] }],
  ['vmForks', { pool: 'vmForks' }],
  ['vmThreads', { pool: 'vmThreads' }],
  ['threads, with the global set-up', { pool: 'threads', env: { SUITE_GLOBAL_SETUP: '1' } }],
] as const satisfies readonly (readonly [string, InnerOptions])[])

/**
 * Files that are blamed as a whole, by the unit of the guard. They share a run, because a runner takes longer to start
 * than they do.
 */
const blamed = {
  test: ['whole-file', 'by-hand', 'skips', 'alone', 'first'],
  file: ['alone', 'first'],
}

let outcomes: ReturnType<typeof ahead<Outcome>>
beforeAll(() => {
  const inPools = pools.map(
    ([, options]) =>
      () =>
        runSuite(['leaks', 'clean'], options),
  )
  const units = Object.entries(blamed).map(
    ([unit, files]) =>
      () =>
        runSuite(files, { env: { PROCTOR_GUARD_LEAK_TIMEOUT: '100', PROCTOR_GUARD_UNIT: unit } }),
  )
  outcomes = ahead([...inPools, ...units])
})

/** The result of one of the files that are blamed as a whole. */
async function blame(file: string, unit: keyof typeof blamed): Promise<FileOutcome & Omit<Outcome, 'files'>> {
  const { files, ...outcome } = await outcomes[pools.length + Object.keys(blamed).indexOf(unit)]!
  return { ...files.get(`${file}.test.ts`)!, ...outcome }
}

test.each(pools.map(([name], index) => [name, index] as const))(
  'in the pool %s what a test leaves running fails it, with the line that started it, and what is cleaned up passes',
  async (_name, index) => {
    const { files, exitCode } = await outcomes[index]!
    const lines = linesOf('leaks.test.ts', 'launch.ts')
    expect(exitCode).toBe(1)
    const leaky = files.get('leaks.test.ts')!.tests
    expect(leaky).toHaveLength(23)
    // A worker thread cannot change its working directory.
    for (const { title, status, failureMessages } of leaky.filter((each) => each.status !== 'skipped')) {
      const isCleanAtLast = title === 'leaks at first, and not when it is tried again'
      expect({ title, status }).toEqual({ title, status: isCleanAtLast ? 'passed' : 'failed' })
      if (isCleanAtLast) continue
      const leaks = failureMessages.filter((message) => message.includes('outlived the test that started'))
      expect({ title, leaks: leaks.length }).toEqual({ title, leaks: title.includes('twice and leaks') ? 2 : 1 })
      // The stack leads to the line too, so that the runner shows the code.
      const line = lines.get(title)
      const where =
        line === undefined
          ? /execSync, a pseudo-terminal or an addon/
          : new RegExp(String.raw`started at ${line}:[\s\S]*\n +at .*${basename(line)}`)
      expect({ title, leaks }).toEqual({ title, leaks: leaks.map(() => expect.stringMatching(where)) })
    }
    const messageOf = (title: string): string | undefined =>
      leaky.find((each) => each.title === title)?.failureMessages.join('\n')
    expect(messageOf('fails by itself too')).toContain('to be 1')
    expect(messageOf('leaves a tree that does not want to go')).toMatch(
      /3 processes outlived[\s\S]*child of \d+[\s\S]*SIGKILL/,
    )
    const { tests, message } = files.get('clean.test.ts')!
    const others = tests.filter(({ status }) => status !== 'passed')
    // Vitest would shorten the messages.
    if (others.length > 0)
      throw new Error(others.map((each) => [each.title, ...each.failureMessages].join('\n')).join('\n'))
    expect(tests.length).toBeGreaterThan(20)
    expect(message).toBe('')
  },
)

test.concurrent('what the file and its concurrent tests leave is found when the file ends', async () => {
  const { tests, message, exitCode } = await blame('whole-file', 'test')
  expect(tests.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed', 'passed'])
  expect(message).toContain('4 processes outlived the test file that started them and were killed')
  for (const [, line] of linesOf('whole-file.test.ts')) expect(message).toContain(`started at ${line}:`)
  expect(exitCode).toBe(1)
})

test.concurrent('what createProctor gave and nobody tears down is ended, and the file blamed', async () => {
  const { tests, message, exitCode } = await blame('by-hand', 'test')
  expect(tests.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed', 'passed'])
  const line = linesOf('by-hand.test.ts').get('nobody tears it down')
  expect(message.match(/made at/g)).toHaveLength(1)
  expect(message).toMatch(
    new RegExp(
      String.raw`What createProctor\(\) gave was not torn down when the test file ended, and what ran in it was ended

  sleep \d+
  made at ${line}:\d+
  in nobody tears it down

Call .await proctor\.teardown\(\). when the test ends`,
    ),
  )
  expect(exitCode).toBe(1)
})

test.concurrent('what a test leaves that has skipped itself is found when the file ends', async () => {
  const { tests, message, exitCode } = await blame('skips', 'test')
  expect(tests.map(({ status }) => status)).toEqual(['skipped', 'passed'])
  const line = linesOf('skips.test.ts').get('skips itself and leaks')
  expect(message).toContain('1 process outlived the test file that started it and was killed')
  expect(message).toMatch(new RegExp(String.raw`started at ${line}:\d+\n {2}in skips itself and leaks`))
  expect(exitCode).toBe(1)
})

test.concurrent('a concurrent test that runs alone is blamed itself', async () => {
  const { tests } = await blame('alone', 'test')
  expect(tests[0]!.failureMessages[0]).toContain(`started at ${linesOf('alone.test.ts').get(tests[0]!.title)}:`)
})

test.concurrent.each(['test', 'file'] as const)(
  'the first daemon of a file is found, with the %s as the unit',
  async (unit) => {
    const { tests, message } = await blame('first', unit)
    const said = unit === 'file' ? message : tests[0]!.failureMessages.join()
    expect(said).toContain(
      `1 process outlived the test${unit === 'file' ? ' file' : ''} that started it and was killed`,
    )
  },
)

test.concurrent('the file as a unit: its tests pass, and it fails, naming them', async () => {
  const { tests, message, exitCode } = await blame('alone', 'file')
  expect(tests.map(({ status }) => status)).toEqual(['passed'])
  expect(message).toContain('1 process outlived the test file that started it and was killed')
  expect(message).toContain('in may run beside others, and runs alone')
  expect(exitCode).toBe(1)
})

// None of these in `npm test`.
describe.concurrent.each(firstOf(0, ['options']))('%s', () => {
  test('one test only gets a warning, another is cleaned up silently', async () => {
    const { tests, output, exitCode } = await runFile('options')
    expect(tests.map(({ status }) => status)).toEqual(['passed', 'passed', 'passed'])
    expect(output.match(/outlived/g)).toHaveLength(1)
    expect(output).toContain('proctor: 1 process outlived the test that started it and was killed')
    expect(output).toContain(`started at ${linesOf('options.test.ts').get('is warned of')}:`)
    expect(output).not.toContain('Unhandled')
    expect(exitCode).toBe(0)
  })

  // What is allowed is left alive, even at the end of the worker: its next user may be another run.
  test('the environment allows command lines', async () => {
    const { output, exitCode, left } = await runAndEnd({ PROCTOR_GUARD_ALLOW: String.raw`gradle,/^sleep \d+$/` })
    expect(output).toMatch(/Tests +1 passed/)
    expect(exitCode).toBe(0)
    expect(left).toBe(1)
  })

  test.each(['auto', 'basic'])('what an allowed process starts later is left alone, %s', async (containment) => {
    const [number, folder] = [uniqueNumber(), makeFolder()]
    try {
      const { output, exitCode } = await runVitest('guard', {
        args: ['lasting'],
        env: { TMPDIR: folder, SUITE_NUMBER: number, PROCTOR_GUARD_CONTAINMENT: containment },
      })
      expect(output).toMatch(/Tests +3 passed/)
      expect(exitCode).toBe(0)
      expect(findByCommandLine(number).filter((line) => /^\d+ sleep \d+$/.test(line))).toHaveLength(3)
    } finally {
      await endByCommandLine(number)
      await removeFolder(folder)
    }
  })

  test('an invalid environment variable is refused', async () => {
    const { message } = await runFile('whole-file', { PROCTOR_GUARD: 'loud' })
    expect(message).toContain(
      `PROCTOR_GUARD: mode is "loud". Accepted is 'fail' or 'warn' or 'kill' or 'report' or 'off'.`,
    )
  })
})

// The negative control: without a guard the same test passes, and the process that it leaves is there.
test.concurrent('without the guard nothing fails', async () => {
  const { output, exitCode, left } = await runAndEnd({ PROCTOR_GUARD: 'off' })
  expect(output).toMatch(/Tests +1 passed/)
  expect(exitCode).toBe(0)
  expect(left).toBe(1)
})

// A process that a test starts without `detached` is in the group of the runner's main process and of its other
// workers.
test.each(
  firstOf(1, [
    ['forks', { exitCode: 1, signal: null, others: 'passed' }],
    ['threads', { exitCode: null, signal: 'SIGKILL', others: 'gone' }],
  ] as const),
)('a worker that is killed takes them along, and nobody else, in the pool %s', async (pool, expected) => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const [number, ready] = [uniqueNumber(), join(folder, 'ready')]
  const expectAlive = bystander('86398')
  const run = startVitest('guard', {
    pool,
    args: ['killed', 'lasts', '--maxWorkers=2'],
    env: { TMPDIR: folder, SUITE_NUMBER: number, SUITE_READY: ready },
  })
  onTestFinished(() => {
    if (run.child.exitCode === null && run.child.signalCode === null) process.kill(-run.child.pid!, 'SIGKILL')
  })
  const worker = await numberIn(ready)
  expect(await eventually(() => (findByCommandLine(number).length >= 5 ? true : undefined), 'five processes')).toBe(
    true,
  )
  process.kill(worker, 'SIGKILL')
  await expectNothingLeft(number, folder)
  expectAlive()
  writeFileSync(`${ready}.end`, '')
  const { exitCode, signal, output } = await run.result
  const others = output.includes('✓ lasts.test.ts > goes on') ? 'passed' : 'gone'
  expect({ exitCode, signal, others }).toEqual(expected)
})

/** Runs a test that leaves a process, and ends what is left afterwards. */
async function runAndEnd(env: NodeJS.ProcessEnv): Promise<InnerResult & { readonly left: number }> {
  const number = uniqueNumber()
  const result = await runVitest('guard', { args: ['alone'], env: { SUITE_NUMBER: number, ...env } })
  const left = findByCommandLine(number)
  await endByCommandLine(number)
  return { ...result, left: left.length }
}
