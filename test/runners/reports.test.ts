import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type InnerResult, inRoot, root, stable, startInner } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'

// A real Vitest on fixtures/suites/reports in two shards, whose blob reports are merged: what a person reads about
// failed tests, and what the machine-readable reporters contain.

interface JsonReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly title: string
      readonly failureMessages: readonly string[]
      readonly meta: {
        readonly proctor?: {
          readonly commands: number
          readonly ended: number
          readonly leaks: number
          readonly failed?: readonly { readonly command: string; readonly lastOutput: readonly { text: string }[] }[]
        }
      }
    }[]
  }[]
}

const vitest = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<InnerResult> =>
  startInner(
    process.execPath,
    [inRoot('node_modules/vitest/vitest.mjs'), 'run', '--root', inRoot('fixtures/suites/reports'), ...args],
    { cwd: root, env },
  ).result

/** The text without the alignment of the columns to the times. */
const steady = (text: string): string =>
  stable(text)
    .replaceAll(/<time> +/g, '<time>  ')
    .replaceAll(/│ +<time>/g, '│ <time>')

/** The block that the default reporter prints for a failed test. */
const blockOf = (output: string, title: string): string => {
  const begin = output.indexOf(`> ${title}\n`, output.indexOf('Failed Tests'))
  return output.slice(begin, output.indexOf('⎯⎯⎯', begin))
}

let shards: InnerResult[] = []
let merged: InnerResult
let junit = ''
let json: JsonReport

beforeAll(async () => {
  const folder = makeFolder()
  const blobs = join(folder, 'blobs')
  shards = await Promise.all(
    ['1/2', '2/2'].map((shard) =>
      vitest([
        `--shard=${shard}`,
        '--reporter=blob',
        `--outputFile.blob=${join(blobs, `${shard.replace('/', '-')}.json`)}`,
        '--reporter=default',
        '--reporter=proctor/vitest/reporter',
      ]),
    ),
  )
  merged = await vitest([
    `--merge-reports=${blobs}`,
    ...['default', 'junit', 'json', 'github-actions', 'proctor/vitest/reporter'].map((name) => `--reporter=${name}`),
    `--outputFile.junit=${join(folder, 'junit.xml')}`,
    `--outputFile.json=${join(folder, 'report.json')}`,
  ])
  junit = readFileSync(join(folder, 'junit.xml'), 'utf8')
  json = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as JsonReport
  await removeFolder(folder)
}, 60_000)

const verdict = (title: string): JsonReport['testResults'][number]['assertionResults'][number] =>
  json.testResults.flatMap(({ assertionResults }) => assertionResults).find((each) => each.title === title)!

describe('what a person reads', () => {
  test('the commands are shown below the test’s own error, without repeating its output', () => {
    const [first] = shards
    expect(steady(blockOf(merged.output, 'compares in vain')).split('❯')[0]).toMatchInlineSnapshot(`
      "> compares in vain
      AssertionError: expected { status: 500 } to deeply equal { status: 200 }

      - Expected
      + Received

        {
      -   "status": 200,
      +   "status": 500,
        }

      The test ran 2 commands

        node server.mjs             exited 0 after <time>  (cwd <workspace>/app)
        │ <time>  out  listening on 3000
        │ <time>  err  Error: boom
        │ <time>  ── SIGTERM from the teardown
        │ <time>  err  closing

        sh -c 'echo built; exit 0'  exited 0 after <time>  (cwd <workspace>)
        │ <time>  built

       "
    `)
    expect(steady(blockOf(merged.output, 'waits in vain')).split('❯')[0]).toMatchInlineSnapshot(`
      "> waits in vain
      WaitTimeoutError: Timed out after 0.1 seconds:

      so far

      waited 0.1 seconds for waitForOutput("never")

      The test ran 1 command

        sh -c 'echo so far; exec sleep 60'  ended by SIGTERM after <time>  (cwd <workspace>)
        │ its output is shown above
        │ <time>  ── SIGTERM from the teardown

       "
    `)
    // The shards report the same before they are merged.
    const both = shards.map(({ output }) => output).join('\n')
    for (const title of ['compares in vain', 'leaks', 'never looks at an exit with an error']) {
      expect(steady(blockOf(both, title))).toBe(steady(blockOf(merged.output, title)))
    }
    expect(first!.exitCode).toBe(1)
    expect(merged.exitCode).toBe(1)
  })

  test('a leak has its tree and leads to the line that started the command', () => {
    const block = blockOf(merged.output, 'leaks')
    expect(block).toContain('LeakedProcessError: 1 process outlived its command and was killed')
    expect(block).not.toContain('The test ran')
    expect(block).toMatch(/await run\('sh', \['-c', 'sleep 60 & echo started'\]\).*\n +\| +\^/)
  })

  test('a test without commands, or one that passes in the end, has no report', () => {
    expect(blockOf(merged.output, 'fails without a command')).not.toContain('The test ran')
    expect(merged.output).not.toContain('echo attempt')
  })

  test('output of a command has no effect on a terminal, a log or a document', () => {
    const all = [...shards.map(({ output }) => output), merged.output, junit]
    for (const text of all) {
      // oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for.
      expect(text).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/)
      expect(text).not.toMatch(/^\s*::(?!error file=\/)/m)
      expect(text).not.toContain('##[')
    }
    expect(blockOf(merged.output, 'prints what steers terminals, logs and documents')).toContain(
      String.raw`^[[31mred^[[0m`,
    )
    expect(junit).toContain(']]&gt;&lt;b&gt;&amp;amp;')
  })

  test('one line at the end of the run', () => {
    const line =
      /^proctor: (\d+) commands? run, (\d+) process(?:es)? ended at teardown, (\d+) leaks?, slowest teardown \d+ ms \(\w+\.test\.ts.*\)$/m
    expect(line.exec(merged.output)?.slice(1)).toEqual(['12', '6', '1'])
    for (const { output } of shards) expect(output).toMatch(line)
  })
})

describe('what machines read', () => {
  test('JUnit and GitHub Actions have the text', () => {
    expect(junit).toMatch(/node server\.mjs +exited 0 after \d+ ms +\(cwd &lt;workspace&gt;\/app\)\n {2}│/)
    expect(junit).toContain('── SIGTERM from the teardown')
    const annotations = merged.output.split('\n').filter((line) => line.startsWith('::error file='))
    expect(annotations).toHaveLength(7)
    expect(annotations.find((line) => line.includes('> compares in vain'))).toMatch(
      /The test ran 2 commands%0A%0A {2}node server\.mjs/,
    )
    expect(annotations.find((line) => line.includes('> leaks'))).toMatch(/line=32.*outlived its command/)
  })

  test('JSON has the data, and messages without a control character', () => {
    expect(verdict('passes').meta.proctor).toMatchObject({ commands: 1, ended: 0, leaks: 0 })
    expect(verdict('passes').meta.proctor).not.toHaveProperty('failed')
    expect(verdict('leaks').meta.proctor).toMatchObject({ commands: 1, ended: 1, leaks: 1 })
    const [server, built] = verdict('compares in vain').meta.proctor!.failed!
    expect(server).toMatchObject({
      command: 'node server.mjs',
      exitCode: 0,
      endedBy: 'teardown',
      sentSignals: [{ signal: 'SIGTERM', by: 'teardown', time: expect.any(Number) as number }],
    })
    expect(server!.lastOutput.map(({ text }) => text)).toEqual(['listening on 3000', 'Error: boom', 'closing'])
    expect(built).toMatchObject({ exitCode: 0, signals: [] })
    expect(verdict('fails without a command').meta).toEqual({})
    expect(verdict('fails first and passes when it is tried again').meta.proctor).toMatchObject({ commands: 2 })
    expect(verdict('prints what steers terminals, logs and documents').failureMessages.join('')).toContain('^[[31mred')
  })
})

test('a run that starts no command ends without a line', async () => {
  const { output, exitCode } = await vitest(['-t', 'fails without a command', '--reporter=proctor/vitest/reporter'])
  expect(output).not.toContain('proctor:')
  expect(exitCode).toBe(1)
})
