import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inRoot, startInner } from '../inner-run.js'
import { findByCommandLine, makeFolder, removeFolder, uniqueNumber } from '../machine.js'

// Real runs of Jest, in its CommonJS mode, on fixtures/suites/guard-jest, whose tests start processes by themselves.

interface FileResult {
  readonly name: string
  readonly message: string
  readonly assertionResults: readonly {
    readonly title: string
    readonly status: string
    readonly failureMessages: readonly string[]
  }[]
}

const suite = inRoot('fixtures/suites/guard-jest')

/** Runs files of the suite. `env` holds what is different this time. */
async function runSuite(
  file: string,
  env: NodeJS.ProcessEnv = {},
): Promise<{ files: readonly FileResult[]; output: string; exitCode: number | null }> {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const [number, report] = [uniqueNumber(), join(folder, 'report.json')]
  const args = [
    inRoot('node_modules/jest/bin/jest.js'),
    '--config',
    'jest.config.cjs',
    '--json',
    `--outputFile=${report}`,
  ]
  const { output, exitCode } = await startInner(process.execPath, args, {
    cwd: suite,
    env: { TMPDIR: folder, SUITE_NUMBER: number, SUITE_FILE: file, ...env },
  }).result
  expect(findByCommandLine(number)).toEqual([])
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as { testResults: FileResult[] }
  return { files: testResults, output, exitCode }
}

/** The places where a suite says that it starts something, by the text of their comments. */
const linesOf = (file: string): Map<string, string> =>
  new Map(
    readFileSync(join(suite, file), 'utf8')
      .split('\n')
      .flatMap((text, index) => {
        const what = /\/\/ the line of: (.*)$/.exec(text)?.[1]
        return what === undefined ? [] : [[what, `${file}:${index + 1}:`] as const]
      }),
  )

test.each([
  ['in one process', { PROCTOR_GUARD_UNIT: 'test' }],
  ['by the process table', { PROCTOR_GUARD_CONTAINMENT: 'basic' }],
])('%s what a test leaves running fails it, and what is cleaned up passes', async (_name, env) => {
  const { files, exitCode, output } = await runSuite('{leaks,clean}', env)
  expect(exitCode).toBe(1)
  const [leaky, clean] = ['leaks.test.cjs', 'clean.test.cjs'].map((name) =>
    files.find((each) => each.name.endsWith(name)),
  )
  const lines = linesOf('leaks.test.cjs')
  expect(leaky?.assertionResults).toHaveLength(10)
  const blamed = leaky!.assertionResults.filter(({ status }) => status === 'failed')
  expect(leaky!.assertionResults.filter((each) => !blamed.includes(each)).map(({ title }) => title)).toEqual([
    'is not blamed for that',
  ])
  for (const { title, failureMessages } of blamed) {
    const leaks = failureMessages.filter((message) => message.includes('1 process outlived the test that started it'))
    const where = lines.get(title) ?? 'execSync, a pseudo-terminal or an addon'
    expect({ title, leaks }).toEqual({ title, leaks: [expect.stringContaining(where)] })
  }
  expect(output).toContain("child = spawn('sleep', [number]) // the line of: spawns\n")
  expect(clean?.assertionResults.filter(({ status }) => status !== 'passed')).toEqual([])
  expect(clean?.message).toBe('')
})

test('what the file and its concurrent tests leave is found when it ends; what the environment starts is left alone', async () => {
  const { files, exitCode } = await runSuite('{whole-file,environment}')
  const [wholeFile, environment] = ['whole-file.test.cjs', 'environment.test.cjs'].map((name) =>
    files.find((each) => each.name.endsWith(name)),
  )
  expect(wholeFile!.message).toContain('3 processes outlived the test file that started them and were killed')
  for (const [, line] of linesOf('whole-file.test.cjs')) expect(wholeFile!.message).toContain(`started at ${line}`)
  const [clean, leaky] = environment!.assertionResults
  expect(clean).toMatchObject({ title: 'has a server', status: 'passed' })
  const [, line] = [...linesOf('environment.test.cjs')][0]!
  expect(leaky!.failureMessages.join()).toMatch(/1 process outlived the test that started it/)
  expect(leaky!.failureMessages.join()).toContain(`started at ${line}`)
  expect(exitCode).toBe(1)
})

test('what createProctor gave and nobody tears down is ended, and the file blamed', async () => {
  const { files, exitCode } = await runSuite('by-hand')
  expect(files[0]!.assertionResults.map(({ status }) => status)).toEqual(['passed', 'passed'])
  expect(files[0]!.message).toContain('What createProctor() gave was not torn down when the test file ended')
  expect(files[0]!.message).toContain(`made at ${linesOf('by-hand.test.cjs').get('nobody tears it down')}`)
  expect(exitCode).toBe(1)
})

test('in an ES module the same', async () => {
  const { files, exitCode } = await runSuite('modules', { NODE_OPTIONS: '--experimental-vm-modules' })
  const outcome = files[0]!.assertionResults.map(({ title, status, failureMessages }) => ({
    title,
    status,
    lines: failureMessages.flatMap((message) => message.match(/modules\.test\.mjs:\d+:/)?.[0] ?? []),
  }))
  expect(outcome).toEqual([
    { title: 'leaks in a module', status: 'failed', lines: [linesOf('modules.test.mjs').get('leaks in a module')] },
    { title: 'cleans up', status: 'passed', lines: [] },
    { title: 'its commands are its own', status: 'passed', lines: [] },
  ])
  expect(exitCode).toBe(1)
})

test('in mode kill nothing fails, and nothing is left', async () => {
  const { files, exitCode } = await runSuite('whole-file', { PROCTOR_GUARD: 'kill' })
  expect(files[0]!.message).toBe('')
  expect(exitCode).toBe(0)
})
