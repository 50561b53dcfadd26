import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inRoot, startInner, startVitest } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'

// A test that compares or prints what `run`, `workspace` and `proctor` returned fails for its own reason, and shows
// only what a user may see. fixtures/suites/handles has one case for each object and each way.

interface Report {
  readonly testResults: readonly {
    readonly message: string
    readonly assertionResults: readonly { title: string; status: string; failureMessages: readonly string[] }[]
  }[]
}

const reportFile = (): string => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  return join(folder, 'report.json')
}

const jest = (report: string): ReturnType<typeof startInner> => {
  const args = [inRoot('node_modules/jest/bin/jest.js'), '--config', 'jest.config.cjs', '--ci', '--runInBand']
  const cwd = inRoot('fixtures/suites/handles')
  return startInner(process.execPath, [...args, '--json', `--outputFile=${report}`], { cwd })
}

const vitest = (report: string): ReturnType<typeof startInner> =>
  startVitest('handles', { args: ['--reporter=json', `--outputFile=${report}`, '--reporter=default'] })

test.for([
  ['Vitest', vitest],
  ['Jest', jest],
] as const)('in %s every case gets the verdict of its own', { timeout: 60_000 }, async ([, start]) => {
  const report = reportFile()
  const { exitCode, output } = await start(report).result
  expect(exitCode).toBe(1)
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report
  const all = testResults.flatMap(({ assertionResults }) => assertionResults)
  expect(all.filter(({ status }) => status === 'failed')).toHaveLength(31)
  for (const { title, failureMessages } of all.filter(({ title: each }) => each !== 'prints')) {
    const [first = ''] = failureMessages
    expect([title, first]).toEqual([title, expect.stringMatching(/expected|expect\(|with a handle/) as string])
  }
  // The output shows no internals. A command that was only printed still has to be accounted for.
  expect(output).not.toMatch(
    /private member|#\w+:|_core|signalLog|endings|containmentOf|TemporaryWorkspace|FixtureProctor/,
  )
  expect(output).toMatch(
    /Process \{\s+command: 'false',\s+pid: undefined,\s+running: false,\s+exitCode: 1,\s+exitSignal: null\s+\}/,
  )
  expect(output).toMatch(/Workspace \{\s+path: '[^']+'\s+\}/)
  expect(output).toMatch(/Proctor \{\s+containment: '\w+',\s+workspace: Workspace \{/)
})
