import { cp, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Process, Proctor, Workspace } from 'proctor/vitest'
import { inRoot, root } from '../inner-run.js'

// A copy of this repository with one thing in it switched off, built, and its own stories run against it.

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

const copied = [
  'src',
  'fixtures/programs',
  'test/stories',
  'test/programs.ts',
  'test/needs.ts',
  'test/rejection.ts',
  'test/witness.ts',
  'test/safety',
  '.ci',
  'package.json',
  'rolldown.config.mjs',
  'tsconfig.json',
  'tsconfig.build.json',
  'vitest.config.ts',
]

const patience = { timeout: 60_000 }
/** Of the runner's own variables, what an inner one must not inherit. */
const env = Object.fromEntries(
  ['TEST', 'NODE_ENV', 'DEV', 'PROD', 'MODE', 'SSR', 'BASE_URL', 'CI', 'CI_REPORT', 'GITHUB_ACTIONS'].map((name) => [
    name,
    undefined,
  ]),
)

async function mutate(folder: string, { file, from, to }: Mutation): Promise<void> {
  const path = join(folder, file)
  const pieces = (await readFile(path, 'utf8')).split(from)
  if (pieces.length !== 2) {
    throw new Error(`${file} was to hold this once, and holds it ${pieces.length - 1} times:\n${from}`)
  }
  await writeFile(path, pieces.join(to))
}

/** Copies the repository into the workspace, with these mutations, and builds the copy. */
export async function buildMutant(
  { run, workspace }: { run: Proctor['run']; workspace: Workspace },
  mutations: readonly Mutation[],
): Promise<void> {
  for (const path of copied) await cp(inRoot(path), workspace.resolve(path), { recursive: true })
  await symlink(await realpath(inRoot('node_modules')), workspace.resolve('node_modules'))
  for (const mutation of mutations) await mutate(workspace.path, mutation)
  await run('rolldown', ['-c', '--log-level', 'warn'], { env }).waitForSuccessfulExit(patience)
}

/** Runs stories of the copy, with a real Vitest. What they leave running is no fault of the outer test. */
export async function runStories(
  { run, workspace }: { run: Proctor['run']; workspace: Workspace },
  wanted: readonly { readonly file: string; readonly story: string }[],
): Promise<{ readonly inner: Process; readonly stories: readonly StoryResult[] }> {
  const files = [...new Set(wanted.map(({ file }) => `test/stories/${file}`))]
  const pattern = wanted.map(({ story }) => `${story.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`).join('|')
  const args = ['run', '--testNamePattern', pattern, '--reporter=json', '--outputFile=report.json', ...files]
  const inner = run('vitest', args, { env, leaks: 'kill' })
  const { output } = await inner.waitForExit(patience)
  if (!(await workspace.exists('report.json'))) throw new Error(`Vitest has not reported:\n${output}`)
  const { testResults } = JSON.parse(await workspace.read('report.json')) as {
    testResults: { assertionResults: { fullName: string; status: string; failureMessages: string[] }[] }[]
  }
  const stories = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== 'skipped' && status !== 'pending')
    .map(({ fullName, status, failureMessages }) => ({
      name: fullName,
      status,
      failure: failureMessages.join('\n').replaceAll(root, '<root>/'),
    }))
  return { inner, stories }
}
