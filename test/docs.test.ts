import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseSync } from 'rolldown/utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inRoot, type InnerResult, startInner } from './inner-run.js'
import { makeFolder, removeFolder, workspacesIn } from './machine.js'
import { needs } from './needs.js'

// Every example of the documentation runs. A block of code begins with the name of its file in a comment:
//
//   // kill.test.ts           a file of the page's own project; its runner is told by what it imports
//   // leak.test.ts (fails)   a test that is there to fail, with a leak
//
// A block whose first line is ```ts fragment is a part of something, and is only parsed.

const pages = [
  'README.md',
  ...readdirSync(inRoot('docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .toSorted(),
  ...['CONTRIBUTING.md', 'AGENTS.md', 'examples/README.md', 'skills/proctor/SKILL.md'].filter((name) =>
    existsSync(inRoot(name)),
  ),
]

const textOf = (page: string): string => readFileSync(inRoot(page), 'utf8')

type Runner = 'vitest' | 'jest' | 'node' | 'playwright'

interface Example {
  readonly page: string
  readonly name: string
  readonly text: string
  readonly isToFail: boolean
}

interface Block {
  readonly language: string
  readonly isFragment: boolean
  readonly text: string
}

const codeLanguages = new Set(['ts', 'js', 'mjs', 'cjs', 'javascript', 'typescript'])

const blocksOf = (page: string): Block[] =>
  [...textOf(page).matchAll(/^```(\w+)( fragment)?\n([^]*?)^```$/gm)].map(([, language, fragment, text]) => ({
    language: language!,
    isFragment: fragment !== undefined,
    text: text!,
  }))

const examplesOf = (page: string): Example[] =>
  blocksOf(page).flatMap(({ language, isFragment, text }) => {
    const [, name, fails] = /^\/\/ (\S+)( \(fails\))?\n/.exec(text) ?? []
    if (!codeLanguages.has(language) || isFragment || name === undefined) return []
    return [{ page, name, text: text.slice(text.indexOf('\n') + 1), isToFail: fails !== undefined }]
  })

/** The runner that an example is written for, if it is a test. */
function runnerOf({ page, name, text }: Example): Runner | undefined {
  // The matrix has these runners, and runs their examples.
  if (['docs/ava.md', 'docs/bun.md', 'docs/deno.md', 'docs/mocha.md'].includes(page)) return undefined
  if (/['"]node:test['"]|proctor\/node-test/.test(text)) return 'node'
  if (/proctor\/playwright/.test(text)) return 'playwright'
  if (!/\.test\.[cm]?[jt]s$/.test(name)) return undefined
  return /proctor\/jest|@jest\/globals/.test(text) ? 'jest' : 'vitest'
}

const project = makeFolder()
const temporary = join(project, 'tmp')
const folderOf = (page: string): string => join(project, page.replace(/\.md$/, '').replaceAll('/', '-'))

const examples = pages.flatMap(examplesOf)
const tests = examples.filter((example) => runnerOf(example) !== undefined)

const env = { TMPDIR: temporary, NODE_OPTIONS: '' }
/** The global set-ups. The Vitest that most examples share has them too. */
const globalSetup = examples
  .filter(({ name, text }) => name.endsWith('.setup.ts') && text.includes('proctor/vitest/server'))
  .map(({ page, name }) => join(folderOf(page), name))
// A client of Node's `fetch` takes 0.3 s of processor time. On a machine with a load of 30 that takes 4 s, which is the
// default timeout of a wait.
const provide = { proctorOptions: { waitTimeout: 15_000 } }
const configWith = (more: object): string => `import { defineConfig } from 'vitest/config'
const more = ${JSON.stringify({ provide, ...more })}
export default defineConfig({ test: { maxWorkers: 3, isolate: false, testTimeout: 20_000, ...more } })
`
const config = configWith({})

const arguments_: Record<Runner, (file: string) => string[]> = {
  vitest: (file) => [inRoot('node_modules/vitest/vitest.mjs'), 'run', file],
  jest: (file) => [inRoot('node_modules/jest/bin/jest.js'), '--runTestsByPath', file],
  node: (file) => ['--test', file],
  playwright: (file) => [inRoot('node_modules/@playwright/test/cli.js'), 'test', file],
}

const run = (example: Example): Promise<InnerResult> =>
  startInner(process.execPath, arguments_[runnerOf(example)!](example.name), { cwd: folderOf(example.page), env })
    .result

/** Checks the exit code, and shows the whole output when it is another one. */
function expectExit({ exitCode, output }: InnerResult, code: number): void {
  if (exitCode !== code) throw new Error(`exit code ${exitCode}\n${output}`)
  expect(exitCode).toBe(code)
}

/** Most examples share one Vitest: starting Vitest takes longer than running them. */
const isShared = (example: Example): boolean => runnerOf(example) === 'vitest' && !example.isToFail

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly message: string
    readonly assertionResults: readonly { title: string; status: string; failureMessages: string[] }[]
  }[]
}

let shared: Report['testResults'] = []

async function runShared(): Promise<void> {
  const report = join(project, 'report.json')
  writeFileSync(join(project, 'vitest.config.mts'), configWith({ globalSetup }))
  const files = tests.filter(isShared).map(({ page, name }) => join(folderOf(page), name))
  const { output } = await startInner(
    process.execPath,
    [...arguments_.vitest(files.shift()!), ...files, '--reporter=json', `--outputFile=${report}`],
    { cwd: project, env },
  ).result
  if (!existsSync(report)) throw new Error(output)
  shared = (JSON.parse(readFileSync(report, 'utf8')) as Report).testResults
}

beforeAll(async () => {
  for (const folder of ['node_modules', 'tmp']) mkdirSync(join(project, folder))
  for (const name of readdirSync(inRoot('node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(inRoot(`node_modules/${name}`), join(project, 'node_modules', name))
  }
  symlinkSync(inRoot(''), join(project, 'node_modules/proctor'))
  mkdirSync(join(project, 'node_modules/.bin'))
  for (const name of readdirSync(inRoot('node_modules/.bin'))) {
    symlinkSync(inRoot(`node_modules/.bin/${name}`), join(project, 'node_modules/.bin', name))
  }
  symlinkSync(inRoot('dist/cli.cjs'), join(project, 'node_modules/.bin/proctor'))
  for (const page of pages) {
    if (!examples.some((example) => example.page === page)) continue
    mkdirSync(folderOf(page))
    writeFileSync(join(folderOf(page), 'package.json'), '{ "private": true }\n')
    writeFileSync(join(folderOf(page), 'vitest.config.mts'), config)
  }
  for (const { page, name, text } of examples) {
    const file = join(folderOf(page), name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    if (name === 'vitest.config.ts') execFileSync('rm', [join(folderOf(page), 'vitest.config.mts')])
    // Code that cannot be CommonJS is an ES module. All files of a page's project are one or the other.
    if (/^import /m.test(text)) writeFileSync(join(folderOf(page), 'package.json'), '{ "type": "module" }\n')
  }
  await runShared()
}, 120_000)

afterAll(() => removeFolder(project))

describe('the examples', () => {
  test.each(tests.filter(isShared))('$page: $name passes', ({ page, name }) => {
    const result = shared.find((each) => each.name === join(folderOf(page), name))
    const verdicts = result?.assertionResults.map(({ title, status, failureMessages }) => [
      title,
      status,
      ...failureMessages,
    ])
    expect(result?.message).toBe('')
    expect(verdicts).not.toEqual([])
    expect(verdicts).toEqual(verdicts?.map(([title]) => [title, 'passed']))
  })

  test.each(tests.filter((each) => !isShared(each) && !each.isToFail))('$page: $name passes', async (example) => {
    const result = await run(example)
    expectExit(result, 0)
    expect(result.output).toMatch(/\b[1-9]\d* pass|pass [1-9]/)
  })

  test.each(tests.filter(({ isToFail }) => isToFail))('$page: $name fails, as it says', async (example) => {
    const result = await run(example)
    expectExit(result, 1)
    expect(result.output).toContain('LeakedProcessError')
  })

  const configured = pages.filter((page) =>
    examples.some((each) => each.page === page && each.name.startsWith('vitest.config')),
  )

  test.each(configured)('the configuration of %s is accepted', async (page) => {
    const args = [inRoot('node_modules/vitest/vitest.mjs'), 'list', '--passWithNoTests', '--filesOnly']
    const result = await startInner(process.execPath, args, { cwd: folderOf(page), env }).result
    expectExit(result, 0)
  })

  test('no workspace of theirs is left', () => {
    expect(workspacesIn(temporary)).toEqual([])
  })

  test('no file of a page is written twice', () => {
    const names = examples.map(({ page, name }) => `${page} ${name}`)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })
})

describe('the blocks of code', () => {
  const blocks = pages.flatMap((page) =>
    blocksOf(page)
      .filter(({ language }) => codeLanguages.has(language))
      .map((block) => ({ page, ...block })),
  )

  test('each is a file, or says that it is a fragment', () => {
    const others = blocks.filter(({ isFragment, text }) => !isFragment && !/^\/\/ \S+/.test(text))
    expect(others.map(({ page, text }) => `${page}: ${text.split('\n', 1)[0]}`)).toEqual([])
  })

  test('each fragment can be parsed', () => {
    const wrong = blocks.flatMap(({ page, isFragment, text }) => {
      if (!isFragment) return []
      const imports = text.match(/^import .*$/gm) ?? []
      const body = text.replaceAll(/^import .*$/gm, '').replaceAll('export default', 'void')
      const { errors } = parseSync('fragment.ts', `${imports.join('\n')}\nasync function fragment() {\n${body}\n}`)
      return errors.map(({ message }) => `${page}: ${message}\n${text}`)
    })
    expect(wrong).toEqual([])
  })
})

test('docs/api.md is what the declarations say', () => {
  expect(() => execFileSync(process.execPath, [inRoot('.ci/api.mjs'), '--check'], { cwd: inRoot('') })).not.toThrow()
})

describe('the links', () => {
  /** The anchors that GitHub makes for the headings of a page. */
  const anchorsOf = (page: string): string[] =>
    [...textOf(page).matchAll(/^#+ (.*)$|<a id="([^"]+)">/gm)].map(([, heading, id]) =>
      (heading ?? id!)
        .toLowerCase()
        .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-'),
    )

  const links = pages.flatMap((page) =>
    [
      ...textOf(page)
        .replaceAll(/^```[^]*?^```$/gm, '')
        .matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g),
    ]
      .map(([, markdown, html]) => (markdown ?? html)!)
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => ({ page, link })),
  )

  test('lead somewhere', () => {
    const dead = links.filter(({ page, link }) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : resolve('/', dirname(page), path).slice(1)
      if (!existsSync(inRoot(target))) return true
      return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor)
    })
    expect(dead).toEqual([])
  })

  test('the index has every page', () => {
    const index = textOf('docs/README.md')
    const missing = pages.filter(
      (page) => page.startsWith('docs/') && page !== 'docs/README.md' && !index.includes(`](${page.slice(5)})`),
    )
    expect(missing.filter((page) => !page.startsWith('docs/decisions/'))).toEqual([])
  })
})

test('docs/guide/containers.md runs as process 1, without ps', async () => {
  needs('root', 'unshare')
  const tools = join(project, 'tools')
  mkdirSync(tools)
  for (const name of ['sh', 'setsid', 'sleep', 'grep', 'rm', 'env', 'unshare']) {
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(tools, name))
  }
  symlinkSync(process.execPath, join(tools, 'node'))
  const inner = startInner(
    'unshare',
    ['--pid', '--fork', '--kill-child', '--mount-proc', 'node', ...arguments_.vitest('containers.test.ts')],
    { cwd: folderOf('docs/guide/containers.md'), env: { TMPDIR: temporary, PATH: tools } },
  )
  const { exitCode, output } = await inner.result
  expect(output).toContain('1 passed')
  expect(exitCode).toBe(0)
}, 60_000)
