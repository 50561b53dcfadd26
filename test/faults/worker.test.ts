import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { inRoot, root, startInner, startVitest } from '../inner-run.js'
import { eventually, expectNothingLeft, findByCommandLine } from '../machine.js'
import { needs } from '../needs.js'
import { statOf } from '../proc.js'
import { bystander, scene, sixProcesses, started } from './scene.js'

// Runs whose worker or guardian is killed, and runs of a person: in a terminal, into a pipe, and two at a time.

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
  const [doomed, healthy] = [scene('hang'), scene('until-told')]
  const runs = [doomed, healthy].map(({ env }) => started(startVitest('faults', { env, pool: 'forks' })))
  await Promise.all([doomed.ready(), healthy.ready()])
  runs[0]!.child.kill('SIGKILL')
  await expectNothingLeft(doomed.number, doomed.folder)
  sixProcesses(healthy.number)
  writeFileSync(`${healthy.env['FAULT_READY']}.end`, '')
  expect((await runs[1]!.result).exitCode).toBe(0)
  await expectNothingLeft(healthy.number, healthy.folder)
})
