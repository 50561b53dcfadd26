// `npm run test:matrix`: packs the package, installs it into throw-away projects, and runs one consumer's suite under
// every runner and Node that belong together, in every pool, and through every package manager. Prints a table.
// `--quick` takes this Node and the newest runners that it can run. Words after it pick rows by their names.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { alive, cache, killWorker, must, root, run, uniqueNumber, work, workspacesIn } from './cells.mjs'
import { doors, makeDoor, runDoor } from './doors.mjs'

const isQuick = process.argv.includes('--quick')
const words = process.argv.slice(2).filter((word) => !word.startsWith('--'))

/** Vitest 5 needs Node 22.12; Vitest 3.2 and Jest 30 leave out the odd ones, which nobody has here. */
const allNodes = ['20', '22', '24', '26']
/** What commands in a terminal need, as in the README. */
const terminal = ['@lydell/node-pty@1', '@xterm/headless@6']
const runners = [
  { name: 'vitest 3.2', packages: ['vitest@~3.2', ...terminal], nodes: allNodes, typescript: '5.9' },
  { name: 'vitest 4', packages: ['vitest@4', ...terminal], nodes: allNodes, typescript: '7' },
  { name: 'vitest 5', packages: ['vitest@5', ...terminal], nodes: ['22', '24', '26'], typescript: '7' },
  { name: 'jest 29', packages: ['jest@29', '@types/jest@29', '@jest/globals@29'], nodes: allNodes, typescript: '5.9' },
  { name: 'jest 30', packages: ['jest@30', '@types/jest@30', '@jest/globals@30'], nodes: allNodes, typescript: '7' },
]
const pools = ['forks', 'threads', 'vmThreads', 'vmForks']

const isTerminal = process.stderr.isTTY === true
const progress = (text) => process.stderr.write(isTerminal ? `\u001B[2K\r${text}` : `${text}\n`)

/** The folder of a Node's binary, from npm. */
async function nodeFolder(version) {
  if (process.version.startsWith(`v${version}.`)) return dirname(process.execPath)
  const name = `node-${process.platform === 'darwin' ? 'darwin' : 'linux'}-${process.arch}`
  const folder = join(cache, `node-${version}`)
  const binaries = join(folder, 'node_modules', name, 'bin')
  if (!existsSync(join(binaries, 'node'))) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    await must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', `${name}@${version}`], { cwd: folder })
  }
  return binaries
}

const compilerOptions = {
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  strict: true,
  noEmit: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
}

/** A consumer's project: its own tests, and what checks its types. In Vitest, the kill story of the demo too. */
function makeProject(kind, name) {
  const folder = join(work, name.replaceAll(/\W+/g, '-'))
  mkdirSync(folder)
  cpSync(join(root, 'fixtures/consumers', kind), folder, { recursive: true })
  if (kind === 'vitest') cpSync(join(root, 'fixtures/demo/kill.test.ts'), join(folder, 'kill.test.ts'))
  const type = kind === 'vitest' ? 'module' : 'commonjs'
  writeFileSync(join(folder, 'package.json'), `{ "private": true, "type": "${type}" }\n`)
  return folder
}

const passes = (messages) => messages.length === 0
const has =
  (...texts) =>
  (messages) =>
    texts.every((text) => messages.some((message) => message.includes(text)))
const expected = {
  vitest: {
    'killing the parent kills the child': passes,
    'a program that died on its own is not a successful kill': passes,
    'a program whose end was expected has already exited': passes,
    'the matcher of an unexpected exit': passes,
    'answers two prompts': passes,
    'answers as a person would': passes,
    'has the containment that is promised': passes,
    'leaks a daemon': has('1 process outlived its command and was killed'),
    'fails and leaks': has('the own error', '1 process outlived its command and was killed'),
    'a concurrent test passes': passes,
    'another one leaks': has('1 process outlived its command and was killed'),
    'ends what it starts by itself': passes,
    'leaves what it starts by itself': has('sleep', 'started at', 'guarded.test'),
  },
  jest: {
    'a command': passes,
    'has the containment that is promised': passes,
    'leaks a daemon': has('1 process outlived its command and was killed'),
    'fails and leaks': has('the own error', '1 process outlived its command and was killed'),
    'kills in a hook of its own': passes,
    'a concurrent test passes': passes,
    'another one leaks': has('1 process outlived its command and was killed'),
    'ends what it starts by itself': passes,
    'leaves what it starts by itself': has('sleep', 'started at', 'guarded.test'),
  },
  transforms: { kills: passes, 'leaks a daemon': has('1 process outlived its command and was killed') },
}

/** Compares a runner's JSON report with what is expected. Returns what is wrong. */
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

/** One cell: the consumer's suite, and the suite whose worker is killed. Returns what is wrong. */
async function runCell({ kind, folder, start, binaries, pool }) {
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

/** Compiles the project's types in every resolution. Errors in other packages are theirs. */
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

const results = new Map()
const failures = []
let [passed, failed] = [0, 0]
function note(row, column, wrong) {
  results.set(`${row} ${column}`, wrong.length === 0 ? 'ok' : 'FAILED')
  if (wrong.length === 0) passed += 1
  else failed += 1
  if (wrong.length > 0) failures.push(`${row}, ${column}\n${wrong.join('\n').replaceAll(/^/gm, '  ')}`)
  progress(`${wrong.length === 0 ? 'ok    ' : 'FAILED'} ${row}, ${column}`)
}

/** Two at a time: a cell waits as much as it works. */
async function inPairs(jobs) {
  const queue = [...jobs]
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await job()
  }
  await Promise.all([worker(), worker()])
}

const attempt = async (action) => {
  try {
    return await action()
  } catch (error) {
    return [error.message]
  }
}

const isPicked = (row) => words.length === 0 || words.some((word) => row.includes(word))
const kindOf = (name) => name.split(' ')[0]
const binaryOf = { vitest: 'node_modules/vitest/vitest.mjs', jest: 'node_modules/jest/bin/jest.js' }

/** What a project must say about packages that are not ours: Jest's resolver has an install script. */
function settleOthers(folder) {
  const resolver = { 'unrs-resolver': '1.12.0' }
  const file = join(folder, 'package.json')
  const text = { ...JSON.parse(readFileSync(file, 'utf8')), resolutions: resolver }
  writeFileSync(file, JSON.stringify(text))
  const lines = [
    'packages: [.]',
    'overrides:',
    '  unrs-resolver: 1.12.0',
    'ignoredBuiltDependencies: [unrs-resolver, "@parcel/watcher"]',
  ]
  writeFileSync(
    join(folder, 'pnpm-workspace.yaml'),
    [...lines, 'allowBuilds:', '  unrs-resolver: false', '  "@parcel/watcher": false', ''].join('\n'),
  )
}

async function packageManagers(tarball, nodes) {
  const binaries = nodes['24']
  const tool = async (spec, file) => {
    const folder = join(cache, spec.replaceAll(/\W+/g, '-'))
    if (!existsSync(join(folder, 'node_modules', file))) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
      await must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', '--ignore-scripts', spec], {
        cwd: folder,
      })
    }
    return join(folder, 'node_modules', file)
  }
  const node = join(binaries, 'node')
  const managers = [
    ...['10', '11', '12'].map((version) => ({
      row: `pnpm ${version}`,
      install: async (folder, packages) => {
        const pnpm = await tool(`pnpm@${version}`, `pnpm/bin/pnpm.${version === '10' ? 'cjs' : 'mjs'}`)
        return must(node, [pnpm, 'add', '-D', ...packages], {
          cwd: folder,
          env: { PATH: `${binaries}:${process.env.PATH}` },
        })
      },
      start: (kind, args) => [node, [binaryOf[kind], ...args]],
    })),
    ...['node-modules', 'pnp'].map((linker) => ({
      row: `yarn ${linker}`,
      install: async (folder, packages) => {
        const yarn = await tool('@yarnpkg/cli-dist', '@yarnpkg/cli-dist/bin/yarn.js')
        writeFileSync(join(folder, '.yarnrc.yml'), `nodeLinker: ${linker}\nenableGlobalCache: true\n`)
        writeFileSync(join(folder, 'yarn.lock'), '')
        const env = {
          PATH: `${binaries}:${process.env.PATH}`,
          YARN_ENABLE_TELEMETRY: '0',
          YARN_ENABLE_HARDENED_MODE: '0',
        }
        return must(node, [yarn, 'add', '-D', ...packages], { cwd: folder, env })
      },
      start: (kind, args) =>
        linker === 'pnp'
          ? [node, [join(cache, '-yarnpkg-cli-dist/node_modules/@yarnpkg/cli-dist/bin/yarn.js'), kind, ...args]]
          : [node, [binaryOf[kind], ...args]],
    })),
  ]
  return managers
    .filter(({ row }) => isPicked(row))
    .flatMap(({ row, install, start }) =>
      ['vitest', 'jest'].map((kind) => async () => {
        const wrong = await attempt(async () => {
          const folder = makeProject(kind, `${row} ${kind}`)
          settleOthers(folder)
          const peers = kind === 'vitest' ? ['vite', ...terminal] : []
          const output = await install(folder, [`proctor@file:${tarball}`, kind, ...peers, '@types/node@22'])
          const warnings = output
            .split('\n')
            .filter((line) => /warn|error|ignored build/i.test(line) && /proctor|koffi/i.test(line))
          return [
            ...warnings,
            ...(await runCell({ kind, folder, start: (args) => start(kind, args), binaries, pool: undefined })),
          ]
        })
        note(row, kind, wrong)
      }),
    )
}

function transforms(tarball, nodes) {
  const cases = [
    {
      name: 'ts-jest',
      packages: ['jest@29', 'ts-jest@29', 'typescript@5.9', '@jest/globals@29', '@types/node@22'],
      transform: 'ts-jest',
    },
    {
      name: 'babel-jest',
      packages: [
        'jest@30',
        'babel-jest@30',
        '@babel/core@7',
        '@babel/preset-env@7',
        '@babel/preset-typescript@7',
        '@jest/globals@30',
      ],
      transform: [
        'babel-jest',
        { presets: [['@babel/preset-env', { targets: { node: 'current' } }], '@babel/preset-typescript'] },
      ],
    },
    {
      name: '@swc/jest',
      packages: ['jest@30', '@swc/jest', '@swc/core@1', '@jest/globals@30'],
      transform: '@swc/jest',
    },
  ]
  return cases
    .filter(({ name }) => isPicked(name))
    .map(({ name, packages, transform }) => async () => {
      const wrong = await attempt(async () => {
        const folder = makeProject('transforms', name)
        writeFileSync(
          join(folder, 'jest.config.json'),
          JSON.stringify({ testMatch: ['**/*.test.ts'], transform: { '\\.ts$': transform } }),
        )
        writeFileSync(
          join(folder, 'tsconfig.json'),
          JSON.stringify({
            compilerOptions: {
              module: 'node16',
              moduleResolution: 'node16',
              target: 'es2022',
              strict: true,
              esModuleInterop: true,
              isolatedModules: true,
              types: ['node'],
            },
          }),
        )
        await must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', tarball, ...packages], {
          cwd: folder,
        })
        const start = (args) => [join(nodes['22'], 'node'), [binaryOf.jest, ...args]]
        return runCell({ kind: 'transforms', folder, start, binaries: nodes['22'], pool: undefined })
      })
      note(name, 'jest', wrong)
    })
}

const begin = Date.now()
await must('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', work], { cwd: root })
const tarball = join(
  work,
  readdirSync(work).find((name) => name.endsWith('.tgz')),
)
const thisNode = process.versions.node.split('.')[0]
const wanted = isQuick ? [thisNode] : allNodes
const nodes = {}
for (const version of wanted) nodes[version] = await nodeFolder(version)

const picked = runners
  .filter(({ nodes: own }) => own.some((version) => wanted.includes(version)))
  .filter(({ name }) => !isQuick || name === (Number(thisNode) < 22 ? 'vitest 4' : 'vitest 5') || name === 'jest 30')
const rows = []
const jobs = []
for (const { name, packages, nodes: own, typescript } of picked) {
  const kind = kindOf(name)
  const cellRows = (kind === 'vitest' ? (isQuick ? ['forks', 'threads'] : pools) : [undefined])
    .map((pool) => ({ pool, row: pool === undefined ? name : `${name} ${pool}` }))
    .filter(({ row }) => isPicked(row))
  if (cellRows.length === 0) continue
  const folder = makeProject(kind, name)
  progress(`installing ${name}`)
  const all = [tarball, ...packages, `typescript@${typescript}`, '@types/node@22']
  await must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', ...all], { cwd: folder })
  for (const { pool, row } of cellRows) {
    rows.push(row)
    for (const version of wanted) {
      if (!own.includes(version)) results.set(`${row} Node ${version}`, '-')
      else
        jobs.push(async () => {
          const start = (args) => [join(nodes[version], 'node'), [binaryOf[kind], ...args]]
          note(
            row,
            `Node ${version}`,
            await attempt(() => runCell({ kind, folder, start, binaries: nodes[version], pool })),
          )
        })
    }
  }
  const [first] = cellRows
  jobs.push(async () => note(first.row, 'types', await attempt(() => checkTypes(kind, folder))))
}
if (isPicked('node:test')) {
  const folder = makeProject('node-test', 'node:test')
  await must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', tarball], { cwd: folder })
  rows.push('node:test')
  for (const version of wanted) {
    jobs.push(async () =>
      note('node:test', `Node ${version}`, await attempt(() => runNodeTest(folder, version, nodes[version]))),
    )
  }
}
for (const door of isQuick ? [] : doors.filter(({ name }) => isPicked(name))) {
  progress(`installing ${door.name}`)
  const folder = await makeDoor(door, tarball)
  rows.push(door.name)
  for (const version of door.nodes) {
    const column = version === 'its own' ? version : `Node ${version}`
    const binaries = nodes[version] ?? nodes['24']
    jobs.push(async () => note(door.name, column, await attempt(() => runDoor(door, folder, binaries))))
  }
}
await inPairs(jobs)
const others = isQuick ? [] : [...transforms(tarball, nodes), ...(await packageManagers(tarball, nodes))]
await inPairs(others)

const columns = [...wanted.map((version) => `Node ${version}`), 'types', ...(isQuick ? [] : ['its own'])]
const width = Math.max(...rows.map((row) => row.length), 20) + 2
const table = [
  `${''.padEnd(width)}${columns.map((column) => column.padEnd(9)).join('')}`,
  ...rows.map((row) =>
    `${row.padEnd(width)}${columns.map((column) => (results.get(`${row} ${column}`) ?? '').padEnd(9)).join('')}`.trimEnd(),
  ),
]
if (rows.length === 0) table.length = 0
if (others.length > 0) {
  table.push('', `${''.padEnd(width)}vitest   jest`)
  const names = new Set(
    [...results.keys()].filter((key) => / (?:vitest|jest)$/.test(key)).map((key) => key.replace(/ \w+$/, '')),
  )
  for (const name of names) {
    table.push(
      `${name.padEnd(width)}${['vitest', 'jest'].map((kind) => (results.get(`${name} ${kind}`) ?? '').padEnd(9)).join('')}`.trimEnd(),
    )
  }
}
if (isTerminal) progress('')
console.log(`\n${table.join('\n')}\n`)
for (const failure of failures) console.log(`${failure}\n`)
console.log(`${passed} passed, ${failed} failed in ${Math.round((Date.now() - begin) / 1000)} s`)
process.exitCode = failed === 0 ? 0 : 1
