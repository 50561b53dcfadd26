import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { type InnerResult, type InnerRun, inRoot, root, startInner, startVitest } from '../inner-run.js'
import {
  eventually,
  expectNothingLeft,
  findByCommandLine,
  isRunning,
  makeFolder,
  numberIn,
  removeFolder,
  uniqueNumber,
} from '../machine.js'
import { needs } from '../needs.js'
import { statOf } from '../proc.js'
import { firstOf } from '../short.js'

// Runs of a real Vitest that end badly. After each, no process of the run is alive and no workspace is left. The test
// itself reads /proc, and looks for a number that stands in every command line of the tree.

interface Scene {
  readonly number: string
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** The worker's pid, once the tree is up. */
  ready(): Promise<number>
}

function scene(fault: string, more: NodeJS.ProcessEnv = {}): Scene {
  const number = uniqueNumber()
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const readyFile = join(folder, 'ready')
  const env = { TMPDIR: folder, FAULT: fault, FAULT_NUMBER: number, FAULT_READY: readyFile, ...more }
  return { number, folder, env, ready: () => numberIn(readyFile) }
}

/** Ends what a failed test would leave, by the process groups that this test itself made. */
const runs: InnerRun[] = []
afterEach(() => {
  for (const { child } of runs.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGKILL')
  }
})
const started = (run: InnerRun): InnerRun => {
  runs.push(run)
  return run
}

/** A process of the test's own that must not be touched. */
function bystander(): () => void {
  const child = spawn('sleep', ['86399'], { detached: true, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return () => expect(isRunning(child.pid!)).toBe(true)
}

const sixProcesses = (number: string): void => expect(findByCommandLine(number).length).toBeGreaterThanOrEqual(6)

const signals = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const

describe.each(['forks', 'threads'] as const)('in the pool %s', (pool) => {
  const start = ({ env }: Scene): InnerRun => started(startVitest('faults', { env, pool }))

  test.each(pool === 'forks' ? signals : firstOf(1, signals))('the main process gets %s', async (signal) => {
    const given = scene('hang')
    const expectBystander = bystander()
    const run = start(given)
    await given.ready()
    sixProcesses(given.number)
    run.child.kill(signal)
    await run.result
    await expectNothingLeft(given.number, given.folder)
    expectBystander()
  })

  test('the whole process group of the runner gets SIGKILL', async () => {
    const given = scene('hang')
    const run = start(given)
    await given.ready()
    process.kill(-run.child.pid!, 'SIGKILL')
    await run.result
    await expectNothingLeft(given.number, given.folder)
  })

  test.each([
    ['the test calls process.exit', 'process-exit', {}],
    ['the worker runs out of memory', 'out-of-memory', { NODE_OPTIONS: '--max-old-space-size=96' }],
  ])('%s', async (_title, fault, env) => {
    const given = scene(fault, { FAULT_TIMEOUT: '20000', ...env })
    const { exitCode } = await start(given).result
    await given.ready()
    expect(exitCode).not.toBe(0)
    await expectNothingLeft(given.number, given.folder)
  })

  test('the set-up of a fixture throws after its command has started', async () => {
    const given = scene('set-up-throws')
    const { exitCode, output } = await start(given).result
    expect(output).toContain('Error: the set-up throws')
    expect(exitCode).toBe(1)
    await expectNothingLeft(given.number, given.folder)
  })

  test('the main process is killed while a test loops endlessly', async () => {
    const given = scene('endless-loop')
    const run = start(given)
    const worker = await given.ready()
    run.child.kill('SIGKILL')
    await run.result
    await expectNothingLeft(given.number, given.folder)
    await eventually(() => (isRunning(worker) ? undefined : true), 'the worker ends with its main process', 4000)
  })

  test('a test that passes leaves nothing, not even its guardian', async () => {
    const given = scene('pass')
    const { exitCode } = await start(given).result
    expect(exitCode).toBe(0)
    await expectNothingLeft(given.number, given.folder)
  })
})

test('the worker gets SIGKILL', async () => {
  const given = scene('hang', { FAULT_GLOBAL: '1' })
  const expectBystander = bystander()
  const run = started(startVitest('faults', { env: given.env, pool: 'forks' }))
  process.kill(await given.ready(), 'SIGKILL')
  await expectNothingLeft(given.number, given.folder)
  expectBystander()
  expect((await run.result).exitCode).toBe(1)
})

test('the worker and its guardian get SIGKILL, and the global hook ends what is left and says so', async () => {
  const given = scene('hang', { FAULT_GLOBAL: '1' })
  const run = started(startVitest('faults', { env: given.env, pool: 'forks' }))
  const worker = await given.ready()
  // A stopped worker cannot start another guardian.
  process.kill(worker, 'SIGSTOP')
  process.kill(guardianOf(worker), 'SIGKILL')
  process.kill(worker, 'SIGKILL')
  const { exitCode, output } = await run.result
  expect(exitCode).toBe(1)
  expect(output).toMatch(/proctor: \d+ processes outlived the test run and were killed/)
  await expectNothingLeft(given.number, given.folder)
})

/** The pid of a worker's guardian. */
function guardianOf(worker: number): number {
  const stats = findByCommandLine('guardian.sh').map((line) => statOf(Number.parseInt(line, 10)))
  const found = stats.find((stat) => stat?.parent === worker && stat.group === stat.pid)
  if (found === undefined) throw new Error(`The worker ${worker} has no guardian.`)
  return found.pid
}

test('a guardian that is killed is restarted, and does its work', async () => {
  const given = scene('hang')
  const run = started(startVitest('faults', { env: given.env, pool: 'forks' }))
  const worker = await given.ready()
  const first = guardianOf(worker)
  process.kill(first, 'SIGKILL')
  const second = await eventually(() => {
    try {
      const pid = guardianOf(worker)
      return pid === first ? undefined : pid
    } catch {
      return undefined
    }
  }, 'a second guardian')
  expect(second).not.toBe(first)
  process.kill(worker, 'SIGKILL')
  await expectNothingLeft(given.number, given.folder)
  run.child.kill('SIGKILL')
  await run.result
})

test.each([1, 2])('Ctrl-C in a real terminal, pressed %i times', async (times) => {
  needs('script')
  const given = scene('hang')
  const command = `${process.execPath} ${inRoot('node_modules/vitest/vitest.mjs')} run --root ${inRoot('fixtures/suites/faults')}`
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: root,
    env: { ...process.env, ...given.env, VITEST: '', VITEST_POOL_ID: '', VITEST_WORKER_ID: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdout.resume()
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise((resolve) => {
    child.once('exit', resolve)
  })
  await given.ready()
  for (let time = 0; time < times; time += 1) child.stdin.write('\u0003')
  await ended
  await expectNothingLeft(given.number, given.folder)
})

test('the output goes to `head`, which closes it', async () => {
  const given = scene('hang', { FAULT_TIMEOUT: '2000' })
  const vitest = `${process.execPath} ${inRoot('node_modules/vitest/vitest.mjs')} run --root ${inRoot('fixtures/suites/faults')}`
  // The pipe stays open until the test runs: without a reader, Vitest may end before that.
  const reader = '{ head -n 1; until [ -s "$FAULT_READY" ]; do sleep 0.05; done; }'
  const run = started(startInner('sh', ['-c', `${vitest} | ${reader}`], { env: given.env }))
  await given.ready()
  await run.result
  await expectNothingLeft(given.number, given.folder)
})

test('of two runs side by side one is killed, and the other goes on', async () => {
  const [doomed, healthy] = [scene('hang'), scene('hang', { FAULT_TIMEOUT: '6000' })]
  const runs2 = [doomed, healthy].map(({ env }) => started(startVitest('faults', { env, pool: 'forks' })))
  await Promise.all([doomed.ready(), healthy.ready()])
  runs2[0]!.child.kill('SIGKILL')
  await expectNothingLeft(doomed.number, doomed.folder)
  sixProcesses(healthy.number)
  const { output }: InnerResult = await runs2[1]!.result
  expect(output).toContain('Test timed out in 6000ms')
  await expectNothingLeft(healthy.number, healthy.folder)
})
