import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { endRun } from '../../src/runners/run.js'
import { endServers, server as jestServer, serverAddress } from '../../src/runners/jest/server.js'
import { server } from '../../src/runners/vitest/server.js'
import type { ServerAddress } from '../../src/runners/run-server.js'
import { type InnerResult, inRoot, runVitest, startInner, startVitest } from '../inner-run.js'
import { findByCommandLine, uniqueNumber } from '../machine.js'
import { rejectionOf } from '../rejection.js'

// One server for all tests of a run. The test reads /proc itself.

const met = (output: string): Set<string> => new Set([...output.matchAll(/met (\d+)/g)].map(([, pid]) => pid!))

test('all files meet one server, which has gone when the run has', async () => {
  const number = uniqueNumber()
  const { output, exitCode } = await runVitest('server', { env: { SUITE_NUMBER: number } })
  expect(output).toMatch(/Tests {2}2 passed/)
  expect(met(output).size).toBe(1)
  expect([exitCode, findByCommandLine(number)]).toEqual([0, []])
}, 60_000)

/** The end of the run reports once that its server has failed. The run fails, and nothing is left. */
function expectOneFailure(output: string, exitCode: number | null, number: string): void {
  const said =
    /The server of this run, node \S*serves\.mjs \d+ fails: UnexpectedExitError: Process unexpectedly exited with exit code 3/g
  expect(output.match(said)).toHaveLength(1)
  expect([exitCode, findByCommandLine(number)]).toEqual([1, []])
}

test('one that has failed fails the run, once', async () => {
  const number = uniqueNumber()
  const { output, exitCode } = await runVitest('server', { env: { SUITE_NUMBER: number, SUITE_FAILS: 'fails' } })
  expect(output).toMatch(/Tests {2}2 passed/)
  expectOneFailure(output, exitCode, number)
}, 60_000)

test('a runner that is killed takes it along, and nobody is told to tear it down', async () => {
  const signals = ['SIGINT', 'SIGKILL'] as const
  const ends = signals.map(async (signal) => {
    const number = uniqueNumber()
    const env = { SUITE_NUMBER: number, SUITE_WAITS: 'yes' }
    const inner = startVitest('server', { env, args: ['waits.test.ts'] })
    await expect.poll(() => inner.output(), { timeout: 40_000 }).toContain('waits with')
    process.kill(inner.child.pid!, signal)
    const { output } = await inner.result
    await expect.poll(() => findByCommandLine(number), { timeout: 20_000 }).toEqual([])
    return output
  })
  expect((await Promise.all(ends)).join()).not.toContain('tore down')
}, 60_000)

test('a second server of one run is refused', async () => {
  const project = { provide: () => {}, onTestsRerun: () => {} } as unknown as Parameters<ReturnType<typeof server>>[0]
  const program = inRoot('fixtures/suites/server/serves.mjs')
  const second = server('node', [program])
  const end = await server('node', [program])(project)
  expect((await rejectionOf(second(project))).message).toMatch(/^server: this run has a server already/)
  await end()
  await (
    await second(project)
  )()
})

test('in watch mode it keeps running, and is restarted if it has ended', async () => {
  const provided: ServerAddress[] = []
  let rerun: () => unknown = () => {}
  const begin = server('node', [inRoot('fixtures/suites/server/serves.mjs'), uniqueNumber()])
  const end = await begin({
    provide: (_: string, address: unknown) => void provided.push(address as ServerAddress),
    onTestsRerun: (callback: () => unknown) => void (rerun = callback),
  } as Parameters<typeof begin>[0])
  onTestFinished(end)
  await rerun()
  expect(provided).toHaveLength(1)
  process.kill(provided[0]!.pid, 'SIGTERM')
  await expect.poll(() => fetch(provided[0]!.url).catch(() => 'gone')).toBe('gone')
  process.exitCode = 0
  await expect.poll(async () => (await rerun(), provided.length), { timeout: 10_000 }).toBe(2)
  process.exitCode = 0
  expect(await (await fetch(provided[1]!.url)).text()).toBe(String(provided[1]!.pid))
})

test.each([
  [{ ready: 'health' }, 'server: ready is "health". Accepted is a port, or a path such as \'/health\'.'],
  [{ readyTimeout: 0 }, 'server: readyTimeout is 0. Accepted is a number of milliseconds above 0.'],
])('options that are none: %o', (options, message) => {
  expect(() => server('node', [], options)).toThrow(new TypeError(message))
})

describe('in Jest', () => {
  const runJest = (number: string, env: NodeJS.ProcessEnv = {}): Promise<InnerResult> => {
    const args = [inRoot('node_modules/jest/bin/jest.js'), '--config', 'jest.config.cjs']
    return startInner(process.execPath, args, {
      cwd: inRoot('fixtures/suites/server-jest'),
      env: { SUITE_NUMBER: number, ...env },
    }).result
  }

  test('all files meet one server, which has gone when the run has', async () => {
    const number = uniqueNumber()
    const { output, exitCode } = await runJest(number)
    expect(output).toMatch(/Tests: +2 passed/)
    expect(met(output).size).toBe(1)
    expect([exitCode, findByCommandLine(number)]).toEqual([0, []])
  }, 60_000)

  test('one that has failed fails the run, once', async () => {
    const number = uniqueNumber()
    const { output, exitCode } = await runJest(number, { SUITE_FAILS: 'fails' })
    expect(output).toMatch(/Tests: +2 passed/)
    expectOneFailure(output, exitCode, number)
  }, 60_000)

  test('a second server of one run is refused', async () => {
    const program = inRoot('fixtures/suites/server/serves.mjs')
    const config = { globalTeardown: 'a path' }
    vi.stubEnv('PROCTOR_SERVER', '')
    await jestServer('node', [program])(config)
    const { message } = await rejectionOf(jestServer('node', [program])(config))
    await endServers()
    vi.unstubAllEnvs()
    await endRun()
    expect(message).toMatch(/^server: this run has a server already/)
  })

  test('without the global teardown nothing is started', async () => {
    const begin = jestServer('node', [inRoot('fixtures/suites/server/serves.mjs'), uniqueNumber()])
    expect((await rejectionOf(begin({}, {}))).message).toBe(
      "server: nothing would end it: globalTeardown: 'proctor/jest/global-teardown' is missing.",
    )
    expect(() => serverAddress()).toThrow('serverAddress: this run has no server.')
  })
})
