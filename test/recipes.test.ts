import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reasonAgainstNamespace } from './escapes/namespace.js'
import { inRoot, startInner } from './inner-run.js'
import { makeFolder, removeFolder, workspacesIn } from './machine.js'

// Each page of docs/recipes is a passing test: its blocks that begin with a file's name are written to a project, as a
// reader would, and run by a real Vitest.

const pages = readdirSync(inRoot('docs/recipes')).filter((name) => name !== 'README.md')

/** The files that a page holds, by name. */
function filesOf(page: string): [name: string, text: string][] {
  const text = readFileSync(inRoot(`docs/recipes/${page}`), 'utf8')
  return [...text.matchAll(/^```[jt]s\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name, body]) => [name!, body!])
}

const project = makeFolder()
const temporary = join(project, 'tmp')
const report = join(project, 'report.json')

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly title: string
      readonly status: string
      readonly failureMessages: string[]
    }[]
  }[]
}

let results: Report['testResults']
let output: string

const vitest = [inRoot('node_modules/vitest/vitest.mjs'), 'run']

beforeAll(async () => {
  for (const folder of ['node_modules', 'tmp']) mkdirSync(join(project, folder))
  for (const name of ['vitest', 'vite', '.bin', '@clack', '@lydell', '@xterm']) {
    symlinkSync(inRoot(`node_modules/${name}`), join(project, 'node_modules', name))
  }
  symlinkSync(inRoot(''), join(project, 'node_modules/proctor'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(project, 'vitest.config.ts'),
    `import { defineConfig } from 'vitest/config'
     export default defineConfig({
       test: { maxWorkers: 3, testTimeout: 20_000, server: { deps: { external: [/\\/dist\\//] } } },
     })`,
  )
  for (const page of pages) {
    mkdirSync(join(project, basename(page, '.md')))
    for (const [name, text] of filesOf(page)) writeFileSync(join(project, basename(page, '.md'), name), text)
  }
  const run = startInner(
    process.execPath,
    [...vitest, '--reporter=default', '--reporter=json', `--outputFile=${report}`],
    {
      cwd: project,
      env: { TMPDIR: temporary },
    },
  )
  ;({ output } = await run.result)
  results = (JSON.parse(readFileSync(report, 'utf8')) as Report).testResults
}, 120_000)

afterAll(() => removeFolder(project))

test('every page is in the list, and every page has a test', () => {
  const list = readFileSync(inRoot('docs/recipes/README.md'), 'utf8')
  expect(pages.filter((page) => !list.includes(`](${page})`))).toEqual([])
  expect(pages.filter((page) => !filesOf(page).some(([name]) => name === page.replace('.md', '.test.ts')))).toEqual([])
})

test.each(pages)('%s', (page) => {
  const file = join(project, basename(page, '.md'), page.replace('.md', '.test.ts'))
  const result = results.find(({ name }) => name === file)
  if (result === undefined) throw new Error(`Not run:\n${output}`)
  const verdicts = result.assertionResults.map(({ title, status, failureMessages }) => [
    title,
    status,
    ...failureMessages,
  ])
  expect(verdicts.length).toBeGreaterThan(0)
  expect(verdicts).toEqual(verdicts.map(([title]) => [title, 'passed']))
})

test('nothing is left of them', () => {
  expect(workspacesIn(temporary)).toEqual([])
})

test.skipIf(reasonAgainstNamespace() !== undefined)(
  'containers.md as process 1, without ps',
  async () => {
    const tools = join(project, 'tools')
    mkdirSync(tools)
    for (const name of ['sh', 'setsid', 'sleep', 'grep', 'rm', 'env', 'unshare']) {
      symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(tools, name))
    }
    symlinkSync(process.execPath, join(tools, 'node'))
    const run = startInner(
      'unshare',
      ['--pid', '--fork', '--kill-child', '--mount-proc', 'node', ...vitest, 'containers/containers.test.ts'],
      { cwd: project, env: { TMPDIR: temporary, PATH: tools } },
    )
    const { exitCode, output: said } = await run.result
    expect(said).toContain('1 passed')
    expect(exitCode).toBe(0)
  },
  60_000,
)
