// The ways to install this package, and to turn a project's tests into JavaScript: package managers and transforms.
import { readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { cached, install, must } from './cells.mjs'
import { binaryOf, makeProject, packagesOf, runCell, terminal } from './suites.mjs'

/** What a project must say about other packages: Jest's resolver has an install script. */
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

/** pnpm and Yarn. Each installs the project and starts its programs in its own way. */
const managers = [
  ...['10', '11', '12'].map((version) => ({
    row: `pnpm ${version}`,
    tool: () => cached(`pnpm-${version}`, `pnpm@${version}`, `pnpm/bin/pnpm.${version === '10' ? 'cjs' : 'mjs'}`),
    settle: () => {},
    env: {},
    options: ['--prefer-offline'],
    start: (node, _, kind, args) => [node, [binaryOf[kind], ...args]],
  })),
  ...['node-modules', 'pnp'].map((linker) => ({
    row: `yarn ${linker}`,
    tool: () => cached('yarn', '@yarnpkg/cli-dist', '@yarnpkg/cli-dist/bin/yarn.js'),
    settle: (folder) => {
      writeFileSync(join(folder, '.yarnrc.yml'), `nodeLinker: ${linker}\nenableGlobalCache: true\n`)
      writeFileSync(join(folder, 'yarn.lock'), '')
    },
    options: [],
    env: { YARN_ENABLE_TELEMETRY: '0', YARN_ENABLE_HARDENED_MODE: '0' },
    start: (node, yarn, kind, args) =>
      linker === 'pnp' ? [node, [yarn, kind, ...args]] : [node, [binaryOf[kind], ...args]],
  })),
]

const complaints = (output) =>
  output.split('\n').filter((line) => /warn|error|ignored build/i.test(line) && /proctor|koffi/i.test(line))

function managedProject(manager, kind, tarball, binaries) {
  const { row, tool, settle, env, options, start } = manager
  const node = join(binaries, 'node')
  let [script, warnings] = ['', []]
  return {
    install: async () => {
      const folder = makeProject(kind, `${row} ${kind}`)
      settleOthers(folder)
      settle(folder)
      script = await tool()
      const peers = kind === 'vitest' ? ['vite', ...terminal] : []
      const packages = [`proctor@file:${tarball}`, kind, ...peers, '@types/node@22']
      const PATH = `${binaries}${delimiter}${process.env.PATH}`
      warnings = complaints(
        await must(node, [script, 'add', '-D', ...options, ...packages], { cwd: folder, env: { PATH, ...env } }),
      )
      return folder
    },
    cells: [
      {
        row,
        column: kind,
        run: async (folder) => {
          const begin = (args) => start(node, script, kind, args)
          return [...warnings, ...(await runCell({ kind, folder, start: begin, binaries, pool: undefined }))]
        },
      },
    ],
  }
}

export const managedProjects = (tarball, nodes) =>
  managers.flatMap((manager) => ['vitest', 'jest'].map((kind) => managedProject(manager, kind, tarball, nodes['24'])))

const withCompilers = [
  'jest@30',
  '@jest/globals@30',
  '@swc/jest',
  '@swc/core@1',
  'babel-jest@30',
  '@babel/core@7',
  '@babel/preset-env@7',
  '@babel/preset-typescript@7',
]

const transforms = [
  {
    name: 'ts-jest',
    packages: packagesOf['jest 29'],
    transform: 'ts-jest',
  },
  {
    name: 'babel-jest',
    packages: withCompilers,
    transform: [
      'babel-jest',
      { presets: [['@babel/preset-env', { targets: { node: 'current' } }], '@babel/preset-typescript'] },
    ],
  },
  {
    name: '@swc/jest',
    packages: withCompilers,
    transform: '@swc/jest',
  },
]

const compilerOptions = {
  module: 'node16',
  moduleResolution: 'node16',
  target: 'es2022',
  strict: true,
  esModuleInterop: true,
  isolatedModules: true,
  types: ['node'],
}

export const transformedProjects = (tarball, nodes) =>
  transforms.map(({ name, packages, transform }) => ({
    install: async () => {
      const folder = makeProject('transforms', name)
      const config = { testMatch: ['**/*.test.ts'], transform: { '\\.ts$': transform } }
      writeFileSync(join(folder, 'jest.config.json'), JSON.stringify(config))
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
      await install(folder, [tarball, ...packages])
      return folder
    },
    cells: [
      {
        row: name,
        column: 'jest',
        run: (folder) => {
          const start = (args) => [join(nodes['22'], 'node'), [binaryOf.jest, ...args]]
          return runCell({ kind: 'transforms', folder, start, binaries: nodes['22'], pool: undefined })
        },
      },
    ],
  }))
