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

/** Compiles the project's types with every module resolution. Errors in other packages do not count. */
async function checkTypes(kind, folder) {
  const wrong = []
  const cases =
    kind === 'vitest'
      ? [{ files: ['types.ts'], types: ['node'] }]
      : [
          { files: ['types-of-globals.ts'], types: ['node', 'jest'] },
          { files: ['types-of-modules.ts'], types: ['node'] },
        ]
  for (const { files, types } of cases) {
    for (const [module, moduleResolution] of [
      ['nodenext', 'nodenext'],
      ['node16', 'node16'],
      ['esnext', 'bundler'],
    ]) {
      const config = join(folder, `tsconfig.${files[0]}.${moduleResolution}.json`)
      const options = { ...compilerOptions, module, moduleResolution, types }
      writeFileSync(config, JSON.stringify({ compilerOptions: options, files }))
      const tsc = join(folder, 'node_modules/typescript/bin/tsc')
      const { output } = await run(process.execPath, [tsc, '-p', config, '--pretty', 'false'], { cwd: folder })
      const own = output
        .split('\n')
        .filter((line) => /error TS/.test(line) && !/^node_modules\/(?!proctor\/)/.test(line))
      wrong.push(...own.map((line) => `${moduleResolution}: ${line}`))
    }
  }
  return wrong
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
  { name: 'vitest 3.2', packages: ['vitest@~3.2', ...terminal], nodes: allNodes, typescript: '5.9' },
  { name: 'vitest 4', packages: ['vitest@4', ...terminal], nodes: allNodes, typescript: '7' },
  { name: 'vitest 5', packages: ['vitest@5', ...terminal], nodes: ['22', '24', '26'], typescript: '7' },
  { name: 'jest 29', packages: ['jest@29', '@types/jest@29', '@jest/globals@29'], nodes: allNodes, typescript: '5.9' },
  { name: 'jest 30', packages: ['jest@30', '@types/jest@30', '@jest/globals@30'], nodes: allNodes, typescript: '7' },
]

/** The newest runners that this Node can run. */
const isQuickRunner = (name, own) => name === (Number(own) < 22 ? 'vitest 4' : 'vitest 5') || name === 'jest 30'

function suiteProject({ name, packages, nodes: own, typescript }, tarball, nodes, isQuick) {
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
      await install(folder, tarball, ...packages, `typescript@${typescript}`, '@types/node@22')
      return folder
    },
    cells: [...cells, { row: rowOf(pools[0]), column: 'types', run: (folder) => checkTypes(kind, folder) }],
  }
}

function nodeTestProject(tarball, nodes) {
  return {
    install: async () => {
      const folder = makeProject('node-test', 'node:test')
      await install(folder, tarball)
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
