import { cp, mkdir } from 'node:fs/promises'
import { expect, type Proctor, test } from 'proctor/vitest'
import { endByCommandLine, findByCommandLine, uniqueNumber } from '../machine.js'
import { inRoot, startInner } from '../inner-run.js'
import { buildMutant, innerEnvironment, type Mutation } from './mutant.js'

// What the mark that worker threads share is for: without its parts, test/runners/guard-threads would get these results.

/** Without a reader of the mark: neither the guard of a file nor the end of the run asks for it. */
const unread: readonly Mutation[] = [
  {
    file: 'src/guard/start-marks.ts',
    from: "if (this.#shared?.isAlone(limit.soft) === true) return { kind: 'file' }",
    to: '',
  },
  { file: 'src/runners/run.ts', from: 'await run.strays?.end()', to: 'undefined as string | undefined' },
]

/** Without the questions who started a process that carries the mark. */
const unasked: readonly Mutation[] = [
  {
    // What the runner itself starts is known by its environment.
    file: 'src/containment/threads/strays.ts',
    from: 'return ownNames.every((name) => names.has(name))',
    to: 'return names.has(String(ownNames))',
  },
  {
    // The main thread takes the mark off its own children.
    file: 'src/runners/run-strays.ts',
    from: 'if (child.pid !== undefined) takeSharedMark(child.pid)',
    to: '',
  },
  {
    // A guard takes the mark off what it allows.
    file: 'src/guard/guard.ts',
    from: 'takeSharedMark(each.pid)',
    to: '',
  },
]

type Context = Pick<Proctor, 'workspace'>

interface Outcome {
  readonly exitCode: number | null
  /** How many of the leaks, of the allowed daemons and of the runner's own processes are alive. */
  readonly alive: readonly number[]
}

async function runSuite({ workspace }: Context, files: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const numbers = [uniqueNumber(), uniqueNumber(), uniqueNumber()] as const
  const [leaked, allowed, stranger] = numbers
  const folder = workspace.resolve(leaked)
  await mkdir(folder)
  const suite = { SUITE_NUMBER: leaked, SUITE_ALLOWED: allowed, SUITE_STRANGER: stranger, SUITE_FOLDER: folder }
  const vitest = inRoot('node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', '--root', 'fixtures/suites/guard-threads', '--pool=threads', ...files]
  // Not with `run`: whatever inherits the mark of a command is known by that.
  const { exitCode } = await startInner(process.execPath, args, {
    cwd: workspace.path,
    env: { ...innerEnvironment, ...suite, ...env },
  }).result
  const alive = numbers.map((number) => findByCommandLine(number).length)
  for (const number of numbers) await endByCommandLine(number)
  return { exitCode, alive }
}

async function build(proctor: Context, mutations: readonly Mutation[]): Promise<void> {
  await buildMutant(proctor, mutations)
  for (const path of ['fixtures/suites/guard-threads', 'fixtures/suites/vitest.shared.ts']) {
    await cp(inRoot(path), proctor.workspace.resolve(path), { recursive: true })
  }
}

test('without a reader of the shared mark daemons live on, and the run is green', async ({ workspace }) => {
  const proctor = { workspace }
  await build(proctor, unread)
  // A child that is not gone a moment later gets a mark of its own.
  expect(await runSuite(proctor, ['alone', '-t', 'Sync'], {})).toEqual({ exitCode: 0, alive: [2, 0, 2] })
  expect(await runSuite(proctor, ['leaks', 'stays'], { SUITE_GLOBAL_SETUP: '1' })).toEqual({
    exitCode: 0,
    alive: [1, 1, 2],
  })
}, 90_000)

test('without the questions who started it, what is allowed and what the runner started is ended', async ({
  run,
  workspace,
}) => {
  const proctor = { run, workspace }
  await build(proctor, unasked)
  expect(await runSuite(proctor, ['alone'], { SUITE_GLOBAL_SETUP: '1' })).toEqual({ exitCode: 1, alive: [0, 0, 0] })
}, 90_000)
