// The consumers' suites of Vitest, Jest and node:test: their results, what they leave, and their types.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { alive, install, killWorker, root, run, uniqueNumber, work, workspacesIn } from './cells.mjs'
import { expected } from './expected.mjs'

/** What commands in a terminal need, as the README says. */
export const terminal = ['@lydell/node-pty@1', '@xterm/headless@6']
export const binaryOf = { vitest: 'node_modules/vitest/vitest.mjs', jest: 'node_modules/jest/bin/jest.js' }

const compilerOptions = {
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
}

/**
 * Makes a consumer's project with its own tests and a check of its types. With Vitest, it has the kill story of the
 * demo too.
 */
export function makeProject(kind, name) {
  const folder = join(work, name.replaceAll(/\W+/g, '-'))
  mkdirSync(folder)
  cpSync(join(root, 'fixtures/consumers', kind), folder, { recursive: true })
  if (kind === 'vitest') cpSync(join(root, 'fixtures/demo/kill.test.ts'), join(folder, 'kill.test.ts'))
  const type = kind === 'vitest' ? 'module' : 'commonjs'
  writeFileSync(join(folder, 'package.json'), `{ "private": true, "type": "${type}" }\n`)
  return folder
}

/** Compares a runner's JSON report with the expected results. Returns what is wrong. */
function compare(report, kind) {
  if (!existsSync(report)) return ['there is no report']
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  const found = new Map()
  for (const { title, status, failureMessages } of testResults.flatMap((file) => file.assertionResults)) {
    found.set(title, status === 'passed' ? [] : failureMessages.length > 0 ? failureMessages : [status])
  }
  const broken = testResults.filter(({ assertionResults }) => assertionResults.length === 0)
  const wrong = broken.map(({ message }) => `a file without tests: ${message}`)
  for (const [title, isRight] of Object.entries(expected[kind])) {
    const messages = found.get(title)
    if (messages === undefined) wrong.push(`${title}: not there`)
    else if (!isRight(messages)) wrong.push(`${title}: ${messages.length === 0 ? 'passed' : messages.join('\n')}`)
  }
  return wrong
}

/** Runs one cell: the consumer's suite, and the suite whose worker is killed. Returns what is wrong. */
export async function runCell({ kind, folder, start, binaries, pool }) {
  const number = uniqueNumber()
  const temporary = mkdtempSync(join(work, 'tmp-'))
  const report = join(temporary, 'report.json')
  const env = { TMPDIR: temporary, MATRIX_NUMBER: number, PATH: `${binaries}${delimiter}${process.env.PATH}` }
  const poolArgs = pool === undefined ? [] : [`--pool=${pool}`]
  const args =
    kind === 'vitest'
      ? ['run', ...poolArgs, '--reporter=json', `--outputFile=${report}`]
      : ['--json', `--outputFile=${report}`]
  const { output } = await run(...start(args), { cwd: folder, env })
  const wrong = compare(report, kind)
  if (wrong.length > 0) wrong.push(output.slice(-2000))
  const left = () => [...alive(number).map((pid) => `process ${pid}`), ...workspacesIn(temporary)]
  if (left().length > 0) wrong.push(`left: ${left().join(', ')}`)
  if (kind !== 'transforms') {
    const hanging = { ...env, MATRIX_FILES: kind === 'vitest' ? 'hang.case.ts' : 'hang.case.js' }
    const command = start(kind === 'vitest' ? ['run', ...poolArgs] : [])
    wrong.push(...(await killWorker({ command, folder, env: hanging, temporary, left })))
  }
  rmSync(temporary, { recursive: true, force: true })
  return wrong
}

const filesWithTypes = {
  vitest: [{ file: 'types.ts', types: ['node'] }],
  jest: [
    { file: 'types-of-globals.ts', types: ['node', 'jest'] },
    { file: 'types-of-modules.ts', types: ['node'] },
  ],
}

const resolutions = [
  ['nodenext', 'nodenext'],
  ['node16', 'node16'],
  ['esnext', 'bundler'],
]

/** The errors of a build of several configurations, each with the name of its own. Those in other packages do not count. */
function errorsOf(output, names) {
  const [, ...parts] = output.split(/Building project '(?:.*[/])?/)
  const built = new Map(parts.map((part) => [part.slice(0, part.indexOf("'")), part.split('\n')]))
  const isOwn = (line) => /error TS/.test(line) && !/^node_modules\/(?!proctor\/)/.test(line)
  return names.flatMap((name) => {
    if (!built.has(name)) return [`${name} was not compiled:\n${output.slice(-2000)}`]
    return built
      .get(name)
      .filter(isOwn)
      .map((line) => `${name}: ${line}`)
  })
}

/** Compiles the project's types with every module resolution, in one process, because the start takes longest. */
async function checkTypes(kind, folder) {
  const names = filesWithTypes[kind].flatMap(({ file, types }) =>
    resolutions.map(([module, moduleResolution]) => {
      const name = `tsconfig.${file}.${moduleResolution}.json`
      const options = { ...compilerOptions, module, moduleResolution, types }
      writeFileSync(join(folder, name), JSON.stringify({ compilerOptions: options, files: [file] }))
      return name
    }),
  )
  const tsc = join(folder, 'node_modules/typescript/bin/tsc')
  const words = [tsc, '--build', '--verbose', '--pretty', 'false', ...names]
  const { output } = await run(process.execPath, words, { cwd: folder })
  return errorsOf(output, names)
}

/** What the README says to do with node:test, and `await using` where the language has it. */
async function runNodeTest(folder, version, binaries) {
  const number = uniqueNumber()
  const temporary = mkdtempSync(join(work, 'tmp-'))
  const files = readdirSync(folder).filter((name) => name.endsWith('.test.mjs'))
  if (Number(version) >= 24) files.push('await-using.mjs')
  const env = { TMPDIR: temporary, MATRIX_NUMBER: number, PATH: `${binaries}${delimiter}${process.env.PATH}` }
  const { code, output } = await run(join(binaries, 'node'), ['--test', ...files], { cwd: folder, env })
  const wrong = code === 0 ? [] : [output.slice(-2000)]
  const left = [...alive(number), ...workspacesIn(temporary)]
  if (left.length > 0) wrong.push(`left: ${left.join(', ')}`)
  return wrong
}

/** Vitest 5 needs Node 22.12. Vitest 3.2 and Jest 30 leave out the odd versions of Node, which are not tested here. */
export const allNodes = ['20', '22', '24', '26']
const runners = [
  { name: 'vitest 3.2', nodes: allNodes },
  { name: 'vitest 4', nodes: allNodes },
  { name: 'vitest 5', nodes: ['22', '24', '26'] },
  { name: 'jest 29', nodes: allNodes },
  { name: 'jest 30', nodes: allNodes },
]

/** What the projects with a runner install, so that they can share it. */
export const packagesOf = {
  'vitest 3.2': ['vitest@~3.2', ...terminal, 'typescript@5.9', '@types/node@22'],
  'vitest 4': ['vitest@4', ...terminal, 'typescript@7', '@types/node@22'],
  'vitest 5': ['vitest@5', ...terminal, 'typescript@7', '@types/node@22'],
  'jest 29': ['jest@29', '@types/jest@29', '@jest/globals@29', 'ts-jest@29', 'typescript@5.9', '@types/node@22'],
  'jest 30': ['jest@30', '@types/jest@30', '@jest/globals@30', 'typescript@7', '@types/node@22'],
}

/** The newest runners that this Node can run. */
const isQuickRunner = (name, own) => name === (Number(own) < 22 ? 'vitest 4' : 'vitest 5') || name === 'jest 30'

function suiteProject({ name, nodes: own }, tarball, nodes, isQuick) {
  const [kind] = name.split(' ')
  const pools =
    kind === 'jest' ? [undefined] : isQuick ? ['forks', 'threads'] : ['forks', 'threads', 'vmThreads', 'vmForks']
  const rowOf = (pool) => (pool === undefined ? name : `${name} ${pool}`)
  const cells = pools.flatMap((pool) =>
    Object.entries(nodes).map(([version, binaries]) => ({
      row: rowOf(pool),
      column: `Node ${version}`,
      isLeftOut: !own.includes(version),
      run: (folder) => {
        const start = (args) => [join(binaries, 'node'), [binaryOf[kind], ...args]]
        return runCell({ kind, folder, start, binaries, pool })
      },
    })),
  )
  return {
    install: async () => {
      const folder = makeProject(kind, name)
      await install(folder, [tarball, ...packagesOf[name]])
      return folder
    },
    cells: [...cells, { row: rowOf(pools[0]), column: 'types', run: (folder) => checkTypes(kind, folder) }],
  }
}

function nodeTestProject(tarball, nodes) {
  return {
    install: async () => {
      const folder = makeProject('node-test', 'node:test')
      await install(folder, [tarball])
      return folder
    },
    cells: Object.entries(nodes).map(([version, binaries]) => ({
      row: 'node:test',
      column: `Node ${version}`,
      run: (folder) => runNodeTest(folder, version, binaries),
    })),
  }
}

/** The projects of the runners. `nodes` holds the folder of each Node binary, by version. */
export function suiteProjects(tarball, nodes, isQuick) {
  const [thisNode] = process.versions.node.split('.')
  const wanted = runners
    .filter(({ nodes: own }) => own.some((version) => version in nodes))
    .filter(({ name }) => !isQuick || isQuickRunner(name, thisNode))
  return [...wanted.map((each) => suiteProject(each, tarball, nodes, isQuick)), nodeTestProject(tarball, nodes)]
}
