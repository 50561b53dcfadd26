// The entry points other than the fixtures of Vitest and Jest. Each has a clean test, a leak, a leak beside the test's
// own error, and a runner that is killed. The examples of an entry point's page run here too where no other test has
// its runner.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { alive, install, killWorker, root, run, uniqueNumber, work, workspacesIn } from './cells.mjs'
import { packagesOf } from './suites.mjs'

const bin = (name) => `node_modules/.bin/${name}`
const onNode =
  (...words) =>
  (binaries, files) => [join(binaries, 'node'), [...words, ...files]]
const everyNode = ['20', '22', '24', '26']
/** Small runners that do not know of each other. */
const manyRunners = ['ava@6', 'bun@1.4', 'deno@2.9', 'mocha@12', '@playwright/test@1', '@types/node@22']

const doors = [
  {
    name: 'bun test',
    packages: manyRunners,
    nodes: ['its own'],
    files: ['bun.test.mjs'],
    page: 'docs/bun.md',
    start: (_, files) => [bin('bun'), ['test', ...files]],
  },
  {
    name: 'deno test',
    packages: manyRunners,
    nodes: ['its own'],
    files: ['deno.test.mjs'],
    page: 'docs/deno.md',
    start: (_, files) => [bin('deno'), ['test', '--allow-all', ...files]],
  },
  {
    name: 'mocha',
    packages: manyRunners,
    nodes: ['20', '24'],
    files: ['mocha.mjs'],
    page: 'docs/mocha.md',
    start: onNode('node_modules/mocha/bin/mocha.js'),
  },
  {
    name: 'ava',
    packages: manyRunners,
    nodes: ['20', '24'],
    files: ['ava.mjs'],
    page: 'docs/ava.md',
    start: onNode('node_modules/ava/entrypoints/cli.mjs'),
  },
  {
    name: 'node-test',
    packages: [],
    nodes: everyNode,
    files: ['node-test.mjs'],
    start: onNode('--test', '--test-reporter=spec'),
  },
  {
    name: 'node-test/guard',
    packages: [],
    nodes: everyNode,
    files: ['node-test-guard.mjs'],
    env: { PROCTOR_GUARD_LEAK_TIMEOUT: '200' },
    start: onNode('--import', 'proctor/node-test/guard', '--test', '--test-reporter=spec'),
  },
  {
    name: 'node-test/reporter',
    packages: [],
    nodes: ['20', '26'],
    files: ['node-test-guard.mjs'],
    env: { PROCTOR_GUARD_LEAK_TIMEOUT: '200' },
    start: onNode('--import', 'proctor/node-test/guard', '--test', '--test-reporter=proctor/node-test/reporter'),
    says: /proctor: 2 processes outlived 2 tests/,
  },
  {
    name: 'playwright',
    packages: manyRunners,
    nodes: ['20', '24'],
    files: ['playwright.spec.mjs'],
    start: onNode('node_modules/@playwright/test/cli.js', 'test', '--reporter=list'),
  },
  ...[
    { version: '3.2', own: ['20'] },
    { version: '4', own: ['20', '26'] },
    { version: '5', own: ['24'] },
  ].flatMap(({ version, own }) => [
    {
      name: `vitest/plugin ${version}`,
      packages: packagesOf[`vitest ${version}`],
      nodes: own,
      files: ['vitest-plugin.test.mjs'],
      start: onNode('node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose'),
    },
    {
      name: `vitest/server ${version}`,
      packages: packagesOf[`vitest ${version}`],
      nodes: own,
      cell: runServed,
      files: ['served.test.mjs'],
      start: onNode('node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose', '--config=served.config.mjs'),
    },
  ]),
  ...[
    { version: '29', own: ['20'] },
    { version: '30', own: ['20', '26'] },
  ].flatMap(({ version, own }) => [
    {
      name: `jest/config ${version}`,
      packages: packagesOf[`jest ${version}`],
      nodes: own,
      files: ['with-proctor.test.cjs'],
      start: onNode('node_modules/jest/bin/jest.js'),
    },
    {
      name: `jest/server ${version}`,
      packages: packagesOf[`jest ${version}`],
      nodes: own,
      cell: runServed,
      files: ['served.test.cjs'],
      start: onNode('node_modules/jest/bin/jest.js', '--verbose', '--config=served.config.cjs'),
    },
  ]),
  { name: 'proctor run', packages: [], nodes: everyNode, files: ['run.sh'], cell: runSupervised },
]

/** The examples of a page. Each block of code begins with the name of its file. */
const examplesOf = (page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```\w+\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => ({
    name,
    text,
  }))

function makeProject({ name, page }) {
  const folder = join(work, `door-${name.replaceAll(/\W+/g, '-')}`)
  cpSync(join(root, 'fixtures/consumers/doors'), folder, { recursive: true })
  for (const example of page === undefined ? [] : examplesOf(page)) {
    writeFileSync(join(folder, example.name), example.text)
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  return folder
}

/** Entry points with the same packages share a project. */
export function doorProjects(tarball, nodes) {
  const projects = new Map()
  for (const door of doors) {
    const key = [...door.packages, door.page ?? ''].join(' ')
    projects.set(key, [...(projects.get(key) ?? []), door])
  }
  return [...projects.values()].map((all) => ({
    install: async () => {
      const folder = makeProject(all[0])
      await install(folder, [tarball, ...all[0].packages])
      return folder
    },
    cells: all.flatMap((door) =>
      door.nodes.map((version) => ({
        row: door.name,
        column: version === 'its own' ? version : `Node ${version}`,
        run: (folder) => runDoor(door, folder, nodes[version] ?? nodes['24']),
      })),
    ),
  }))
}

const blame = /1 process outlived (?:its command|the test)[^]*?and was killed/g
const greenMark = String.raw`(?:✔|✓|ok|\(pass\))`
const redMark = String.raw`(?:✖|✗|✘|✕|×|FAILED|\(fail\)|\d\))`
const has = (output, mark, title) => new RegExp(`${mark}.*${title}|${title} .*${mark}`).test(output)

/** What is wrong with what the runner printed. */
function misjudged({ code, output }, says) {
  const wrong = code === 0 || code === null ? [`exit code ${code}`] : []
  if (!has(output, greenMark, 'a command')) wrong.push('the clean test is not green')
  for (const title of ['leaks a daemon', 'fails and leaks']) {
    if (!has(output, redMark, title)) wrong.push(`${title}: not red`)
  }
  if (!output.includes('the own error')) wrong.push('the own error is not there')
  if ((output.match(blame) ?? []).length < 2) wrong.push('not both leaks are named')
  if (says !== undefined && !says.test(output)) wrong.push(`it does not say ${says}`)
  return wrong
}

/** What is in a folder, as paths. A guardian that is just ending removes the folder of records when that is empty. */
function pathsIn(folder) {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

/** The records that other users may read or write. */
const openRecords = (temporary) =>
  pathsIn(temporary)
    .filter((path) => /\/proctor-\d+$/.test(path))
    .flatMap((path) => pathsIn(path))
    .filter((path) => (statSync(path, { throwIfNoEntry: false })?.mode & 0o077) !== 0)

/** Runs one cell of an entry point. Returns what is wrong. */
async function runDoor(door, folder, binaries) {
  const number = uniqueNumber()
  const temporary = mkdtempSync(join(work, 'tmp-'))
  const PATH = `${binaries}${delimiter}${process.env.PATH}`
  const env = { TMPDIR: temporary, MATRIX_NUMBER: number, PATH, ...door.env }
  const left = () => [...alive(number).map((pid) => `process ${pid}`), ...workspacesIn(temporary)]
  const wrong = await (door.cell ?? runTests)({ ...door, folder, binaries, temporary, env, left })
  if (openRecords(temporary).length > 0) wrong.push('others may read a record')
  rmSync(temporary, { recursive: true, force: true })
  return wrong
}

async function runTests({ start, files, page, says, nodes, folder, binaries, temporary, env, left }) {
  const result = await run(...start(binaries, files), { cwd: folder, env })
  const wrong = misjudged(result, says)
  if (wrong.length > 0) wrong.push(result.output.slice(-3000))
  if (left().length > 0) wrong.push(`left: ${left().join(', ')}`)
  // Bun's and Deno's packages start the runner from a launcher of their own.
  const victim = nodes.includes('its own') ? 'worker' : 'runner'
  wrong.push(...(await killWorker({ command: start(binaries, files), folder, env, temporary, left, victim })))
  const examples = page === undefined ? [] : examplesOf(page).map(({ name }) => name)
  if (examples.length > 0) {
    const { code, output } = await run(...start(binaries, examples), { cwd: folder, env })
    if (code !== 0) wrong.push(`the examples of ${page}:\n${output.slice(-2000)}`)
  }
  return wrong
}

/**
 * `proctor run` before a script. It reports nothing for a clean script, names what is left, and passes the exit code
 * on.
 */
async function runSupervised({ folder, binaries, temporary, env, left }) {
  const start = (...words) => [
    join(binaries, 'node'),
    ['node_modules/proctor/dist/cli.cjs', 'run', '--leak-timeout', '200', '--', 'sh', 'run.sh', ...words],
  ]
  const wrong = await judge({ folder, left }, [
    { command: start('clean'), env, exitCode: 0, text: /^$/ },
    { command: start('leaks'), env, exitCode: 1, text: /1 process outlived `sh run\.sh leaks` and was ended/ },
    { command: start('fails'), env, exitCode: 7, text: /the own error[^]*1 process outlived/ },
  ])
  return [...wrong, ...(await killWorker({ command: start('hangs'), folder, env, temporary, left }))]
}

/** What is wrong with the exit codes, with what was printed, and with what is left. */
async function judge({ folder, left }, cases) {
  const wrong = []
  for (const { command, env, exitCode, text } of cases) {
    const { code, output } = await run(...command, { cwd: folder, env })
    if (code !== exitCode || !text.test(output)) wrong.push(`exit code ${code}\n${output.slice(-3000)}`)
    if (left().length > 0) wrong.push(`left: ${left().join(', ')}`)
  }
  return wrong
}

/**
 * One server for a run. It ends with the run and dies with the runner. A server that fails, or leaves something, fails
 * the run.
 */
async function runServed({ start, files, folder, binaries, temporary, env, left }) {
  const command = start(binaries, files)
  const died =
    /the own error[^]*The server of this run, [^]*: LeakedProcessError: 2 processes outlived[^]*UnexpectedExitError: .* exit code 3/
  const wrong = await judge({ folder, left }, [
    { command, env, exitCode: 0, text: /✓.*a command/ },
    { command, env: { ...env, MATRIX_FAILS: 'yes' }, exitCode: 1, text: died },
  ])
  return [...wrong, ...(await killWorker({ command, folder, env, temporary, left }))]
}
