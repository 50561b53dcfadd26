import { chmod, cp, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Process, Proctor, Workspace } from 'proctor/vitest'
import { rolldown, type InputOptions, type OutputOptions, type Plugin } from 'rolldown'
import { inRoot, root } from '../inner-run.js'

// Builds the package once more with one thing in it switched off, and runs its own stories against that build.

/** One exact replacement in a source file. */
export interface Mutation {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** What became of a story. */
export interface StoryResult {
  readonly name: string
  readonly status: string
  readonly failure: string
}

/** A build, and the stories that are run against it. */
export interface Mutant {
  readonly mutations: readonly Mutation[]
  readonly stories: readonly { readonly file: string; readonly story: string }[]
}

/** What a story needs around it. The tests import the package by its name, and `package.json` says where it lies. */
const copied = [
  'package.json',
  'fixtures/programs',
  'test/stories',
  'test/machine.ts',
  'test/needs.ts',
  'test/proc.ts',
  'test/programs.ts',
  'test/rejection.ts',
  'test/witness.ts',
]

const patience = { timeout: 90_000 }
/** The environment without the variables of the outer runner that an inner one must not inherit. */
export const innerEnvironment = Object.fromEntries(
  ['TEST', 'NODE_ENV', 'DEV', 'PROD', 'MODE', 'SSR', 'BASE_URL', 'CI', 'CI_REPORT', 'GITHUB_ACTIONS'].map((name) => [
    name,
    undefined,
  ]),
)

function mutated(text: string, { file, from, to }: Mutation): string {
  const pieces = text.split(from)
  if (pieces.length !== 2) {
    throw new Error(`${file} was to hold this once, and holds it ${pieces.length - 1} times:\n${from}`)
  }
  return pieces.join(to)
}

/** Changes sources as they are read, so that no copy of the repository is needed. */
const mutating = (mutations: readonly Mutation[], done: Set<Mutation>): Plugin => ({
  name: 'mutating',
  transform: {
    order: 'pre',
    handler(code, id) {
      const own = mutations.filter(({ file }) => id === inRoot(file))
      for (const mutation of own) done.add(mutation)
      return own.length === 0 ? null : own.reduce(mutated, code)
    },
  },
})

interface Build extends InputOptions {
  readonly output: OutputOptions
  readonly plugins: Plugin[]
}

/**
 * The plugins that serve only a package's size and licences. No test needs them, and they take most of the time of a
 * build.
 */
const unneeded = ['small', 'licences']

/**
 * The builds of the ES modules, and the CommonJS builds of the entries with these names: Jest's and the command line's.
 */
function wanted({ input, ...build }: Build, required: readonly string[]): Build[] {
  if (build.output.format === 'es') return [{ ...build, input }]
  const entries = Object.entries(input as Record<string, string>).filter(([name]) => required.includes(name))
  return entries.length === 0 ? [] : [{ ...build, input: Object.fromEntries(entries) }]
}

/** The package with these mutations, as the build has it, in `folder/dist`. */
async function buildInto(folder: string, mutations: readonly Mutation[], required: readonly string[]): Promise<void> {
  const { default: builds } = (await import(inRoot('rolldown.config.mjs'))) as { default: readonly Build[] }
  const dist = join(folder, 'dist')
  const done = new Set<Mutation>()
  for (const { output, plugins, ...input } of builds.flatMap((build) => wanted(build, required))) {
    const mutant = await rolldown({
      ...input,
      cwd: root,
      plugins: [...plugins.filter(({ name }) => !unneeded.includes(name)), mutating(mutations, done)],
      logLevel: 'silent',
    })
    await mutant.write({ ...output, dir: dist })
    await mutant.close()
  }
  for (const file of ['trace-page.html', 'coverage-preload.cjs', 'execa.cjs'])
    await cp(inRoot(`dist/${file}`), join(dist, file))
  for (const mutation of mutations.filter((each) => !done.has(each))) {
    // guardian.sh is shipped without being built.
    const path = join(dist, basename(mutation.file))
    await writeFile(path, mutated(await readFile(path, 'utf8'), mutation))
  }
}

async function makeMutant(
  folder: string,
  mutations: readonly Mutation[],
  required: readonly string[] = [],
): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (const path of copied) await cp(inRoot(path), join(folder, path), { recursive: true })
  await buildInto(folder, mutations, required)
}

const linkPackages = async (folder: string): Promise<void> =>
  symlink(await realpath(inRoot('node_modules')), join(folder, 'node_modules'))

/** Builds the package with these mutations into the workspace, with the CommonJS builds of these entries. */
export async function buildMutant(
  { workspace }: { readonly workspace: Workspace; readonly run?: unknown },
  mutations: readonly Mutation[],
  required: readonly string[] = [],
): Promise<void> {
  await makeMutant(workspace.path, mutations, required)
  await linkPackages(workspace.path)
}

/** A configuration with one Vitest project for each mutant, in a folder named after its index. */
const configOf = (mutants: readonly Mutant[]): string => `export default {
  test: {
    maxWorkers: 3,
    projects: [${mutants
      .map(
        ({ stories }, index) => `{
      root: ${JSON.stringify(`./${index}`)},
      test: {
        name: '${index}',
        include: ${JSON.stringify([...new Set(stories.map(({ file }) => `test/stories/${file}`))])},
        server: { deps: { external: [/\\/dist\\//] } },
        testTimeout: 10_000,
        execArgv: ['--require', ${JSON.stringify(inRoot('test/safety/recorder.cjs'))}],
      },
    }`,
      )
      .join(', ')}],
  },
}
`

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[]
    }[]
  }[]
}

/** A pattern that matches the tests whose names end like this. */
const patternOf = (names: readonly string[]): string =>
  names.map((name) => `${name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`).join('|')

/**
 * Builds the mutants in the workspace, and runs the stories of all of them in one real Vitest. What they leave running
 * does not fail the outer test. Returns the results of each mutant's own stories, in order.
 */
export async function runMutants(
  { run, workspace }: Pick<Proctor, 'run' | 'workspace'>,
  mutants: readonly Mutant[],
): Promise<{ readonly inner: Process; readonly results: readonly (readonly StoryResult[])[] }> {
  for (const [index, { mutations }] of mutants.entries()) await makeMutant(workspace.resolve(`${index}`), mutations)
  await linkPackages(workspace.path)
  await workspace.write('vitest.config.mjs', configOf(mutants))
  const names = new Set(mutants.flatMap(({ stories }) => stories.map(({ story }) => story)))
  const args = ['run', '--testNamePattern', patternOf([...names]), '--reporter=json', '--outputFile=report.json']
  const inner = run('vitest', args, { env: innerEnvironment, leaks: 'kill' })
  const { output } = await inner.waitForExit(patience)
  const testResults = await readReport(workspace, output)
  const results = mutants.map(({ stories }, index) =>
    testResults
      .filter(({ name }) => name.startsWith(`${workspace.resolve(`${index}`)}/`))
      .flatMap(toResults)
      .filter(({ name }) => stories.some(({ story }) => name.endsWith(story))),
  )
  return { inner, results }
}

async function readReport(workspace: Workspace, output: string): Promise<Report['testResults']> {
  if (!(await workspace.exists('report.json'))) throw new Error(`Vitest has not reported:\n${output}`)
  return (JSON.parse(await workspace.read('report.json')) as Report).testResults
}

const toResults = ({ assertionResults }: Report['testResults'][number]): StoryResult[] =>
  assertionResults.map(({ fullName, status, failureMessages }) => ({
    name: fullName,
    status,
    failure: failureMessages.join('\n').replaceAll(root, '<root>/'),
  }))

/** Runs test files that import sources, rather than the build, in one Vitest that reads mutated sources. */
export async function runOnMutatedSources(
  { run, workspace }: Pick<Proctor, 'run' | 'workspace'>,
  mutations: readonly Mutation[],
  include: readonly string[],
  testTimeout = 2_500,
): Promise<readonly StoryResult[]> {
  const sources = new Map<string, string>()
  for (const mutation of mutations) {
    const path = inRoot(mutation.file)
    sources.set(path, mutated(sources.get(path) ?? (await readFile(path, 'utf8')), mutation))
  }
  const head = `const sources = new Map(${JSON.stringify([...sources])})`
  const plugins = `[{ name: 'mutating', enforce: 'pre', transform: (code, id) => sources.get(id) ?? code }]`
  const config = configInRoot(workspace, { include, testTimeout, fileParallelism: false, isolate: false }, plugins)
  return runInRoot({ run, workspace }, `${head}\n${config}`, [])
}

/** Runs tests of the repository that import `proctor`, or `dist` of test/inner-run.ts, against a mutated build. */
export async function runOnMutatedBuild(
  { run, workspace }: Pick<Proctor, 'run' | 'workspace'>,
  mutations: readonly Mutation[],
  include: readonly string[],
  names: readonly string[],
): Promise<readonly StoryResult[]> {
  await buildMutant({ workspace }, mutations, ['cli'])
  // Some of the tests load the build as another user.
  await chmod(workspace.path, 0o755)
  const alias = { proctor: workspace.resolve('dist/index.js') }
  const config = configInRoot(workspace, { include, alias, testTimeout: 12_000 })
  return runInRoot({ run, workspace }, config, ['--testNamePattern', patternOf(names)], {
    PROCTOR_TEST_DIST: workspace.resolve('dist'),
  })
}

const configInRoot = (workspace: Workspace, test: object, plugins = '[]'): string => `export default {
  root: ${JSON.stringify(root)},
  cacheDir: ${JSON.stringify(workspace.resolve('cache'))},
  plugins: ${plugins},
  test: { ...${JSON.stringify(test)}, server: { deps: { external: [/\\/dist\\//] } } },
}
`

async function runInRoot(
  { run, workspace }: Pick<Proctor, 'run' | 'workspace'>,
  config: string,
  more: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<readonly StoryResult[]> {
  await workspace.write('vitest.config.mjs', config)
  const report = ['--reporter=json', '--outputFile', workspace.resolve('report.json')]
  const args = ['run', '--config', 'vitest.config.mjs', ...report, ...more]
  const inner = run('vitest', args, { env: { ...innerEnvironment, ...env }, leaks: 'kill' })
  const { output } = await inner.waitForExit(patience)
  return (await readReport(workspace, output)).flatMap(toResults)
}
