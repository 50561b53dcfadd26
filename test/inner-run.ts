import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A path in the repository. */
export const inRoot = (path: string): string => `${root}${path}`

/** A path in the repository as another user can read it: `test/safety/for-others.ts` copies what root's home hides. */
export function forOthers(path: string): string {
  const copy = process.env['PROCTOR_TEST_COPY']
  return copy === undefined || !path.startsWith(root) ? path : join(copy, path.slice(root.length))
}

/** The build under test: the repository's, or a changed one in a negative control. */
export const dist = process.env['PROCTOR_TEST_DIST'] ?? inRoot('dist')

const vitestCli = inRoot('node_modules/vitest/vitest.mjs')

/** This process's environment without what the outer Vitest added. */
export function cleanEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:VITEST.*|TEST|TEST_RUNNERS|NODE_ENV|DEV|PROD|MODE|SSR|BASE_URL|FORCE_TTY|FORCE_COLOR|CI|GITHUB_ACTIONS|PROCTOR_(?!MARK_|TEST_).*)$/.test(
        name,
      ),
  )
  const recorder = `--require ${forOthers(inRoot('test/safety/recorder.cjs'))}`
  const nodeOptions = `${more['NODE_OPTIONS'] ?? ''} ${process.platform === 'linux' ? recorder : ''}`.trim()
  return { ...Object.fromEntries(own), NO_COLOR: '1', ...more, NODE_OPTIONS: nodeOptions }
}

export interface InnerResult {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** Standard output and standard error in the order in which they were read, without colours. */
  readonly output: string
}

export interface InnerRun {
  readonly child: ChildProcess
  /** Everything it has written so far. */
  output(): string
  readonly result: Promise<InnerResult>
}

export interface InnerOptions {
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly pool?: 'forks' | 'threads' | 'vmThreads' | 'vmForks'
}

/** Starts a program in a process group of its own and collects what it writes. */
export function startInner(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): InnerRun {
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    env: cleanEnvironment(options.env),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr, output] = ['', '', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    output += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    output += text
  })
  const result = new Promise<InnerResult>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr, output }))
  })
  return { child, output: () => output, result }
}

/** Starts a real Vitest on one of `fixtures/suites`. */
export function startVitest(suite: string, options: InnerOptions = {}): InnerRun {
  const pool = options.pool === undefined ? [] : [`--pool=${options.pool}`]
  const args = [vitestCli, 'run', '--root', inRoot(`fixtures/suites/${suite}`), '--reporter=verbose', ...pool]
  return startInner(
    process.execPath,
    [...args, ...(options.args ?? [])],
    options.env === undefined ? {} : { env: options.env },
  )
}

/** Runs a real Vitest on one of `fixtures/suites` to its end. */
export const runVitest = (suite: string, options?: InnerOptions): Promise<InnerResult> =>
  startVitest(suite, options).result

/** What a user sees, without what differs from run to run: pids, durations, paths. */
export const stable = (output: string): string =>
  output
    .replaceAll(root, '<root>/')
    .replaceAll(/\b\d+(?:\.\d+)?\s?m?s\b/g, '<time>')
    .replaceAll(/(├─|└─) \d+/g, '$1 <pid>')
    .replaceAll(/[ \t]+$/gm, '')

/**
 * Starts runs before they are awaited, a few at once, because each spends most of its time waiting. Each result can be
 * awaited by itself.
 *
 * @example
 * const outcomes = ahead(pools.map((pool) => () => runSuite(pool)))
 * test.for([...pools.keys()])('pool %i', async (index) => expect(await outcomes[index]).toEqual(…))
 */
export function ahead<Result>(runs: readonly (() => Promise<Result>)[], atOnce = 3): readonly Promise<Result>[] {
  const lanes: Promise<unknown>[] = Array.from({ length: atOnce }, () => Promise.resolve())
  return runs.map((run, index) => {
    const result = lanes[index % atOnce]!.then(run)
    lanes[index % atOnce] = result.catch(() => {})
    return result
  })
}
