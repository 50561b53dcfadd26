import { createProctor, type Proctor, type TerminalProcess } from 'proctor'
import * as matchers from 'proctor/matchers'
import * as doors from 'proctor/node-test'
import { expect, test as base } from 'proctor/vitest'
import { describe, test } from 'vitest'
import { rejectionOf } from '../rejection.js'

// Every error leads to the line of the test that made the mistake. No frame of this package stands above it.

/** The frames of an error without the runner's. */
const framesOf = ({ stack = '', message }: Error): string[] =>
  stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !line.includes('/node_modules/'))

/** Checks that an error leads to this file first, however few frames Node keeps. */
async function expectLineOf(call: () => unknown): Promise<void> {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 10
  const error = await rejectionOf((async () => call())())
  Error.stackTraceLimit = stackTraceLimit
  expect(framesOf(error)[0], error.stack).toMatch(/lines\.test\.ts:\d+/)
  expect(framesOf(error).filter((frame) => frame.includes('/dist/'))).toEqual([])
}

const wrong = <Value>(value: unknown): Value => value as Value

const calls: [string, (proctor: Proctor) => unknown][] = [
  ['run', ({ run }) => run('true', [], wrong({ timeut: 1 }))],
  ['run, in a folder that leaves', ({ run }) => run('true', [], { cwd: '../x' })],
  ['terminal', ({ run }) => run('true', [], { terminal: wrong({ columns: 'x' }) })],
  ['write', ({ run }) => run('cat').write(wrong(5))],
  ['waitForOutput', ({ run }) => run('cat').waitForOutput(wrong(5))],
  ['waitForPort', ({ run }) => run('cat').waitForPort(wrong('3000'))],
  ['waitForHttp', ({ run }) => run('cat').waitForHttp('localhost:3000')],
  ['waitForExit', ({ run }) => run('cat').waitForExit(wrong({ timeut: 1 }))],
  ['kill', ({ run }) => wrong<{ kill(name: string): unknown }>(run('cat')).kill('SIGTERM')],
  ['terminate', ({ run }) => run('cat').terminate(wrong({ grace: 'x' }))],
  ['signal', ({ run }) => run('cat').signal(wrong('TERM'))],
  ['group.signal', ({ run }) => run('cat').group.signal(wrong('TERM'))],
  ['snapshot', ({ run }) => run('cat').snapshot(wrong({ x: 1 }))],
  ['loseParent', ({ run }) => run('cat').loseParent()],
  ['press', ({ run }) => run('cat', [], { terminal: true }).press('Return')],
  ['press, without a terminal', ({ run }) => wrong<TerminalProcess>(run('cat')).press('Enter')],
  ['resize', ({ run }) => run('cat', [], { terminal: true }).resize(wrong(0), wrong('x'))],
  ['workspace.read', ({ workspace }) => workspace.read('nowhere')],
  ['workspace.path', ({ workspace }) => workspace.read('../nowhere')],
  ['workspace.write', ({ workspace }) => workspace.write(wrong(5))],
  ['workspace.copyFrom', ({ workspace }) => workspace.copyFrom('/nowhere')],
  ['toBeDead, of a pid', () => expect(undefined).toBeDead()],
  ['toBeDead, of a pid file', ({ run }) => expect(run('cat')).toBeDead('no.pid', { timeout: 1 })],
  ['toHaveExitedWith', ({ run }) => expect(run('cat')).toHaveExitedWith(wrong('zero'))],
  ['toHaveOutput', ({ run }) => expect(run('cat')).toHaveOutput('x', wrong({ timeut: 1 }))],
  ['toBeAlive of node:test', ({ workspace }) => doors.expect(workspace).toBeAlive('no.pid', { timeout: 1 })],
  [
    'toBeDead of proctor/matchers, of a pid file',
    ({ workspace }) => matchers.toBeDead(workspace, 'no.pid', { timeout: 1 }),
  ],
  ['toBeFree of proctor/matchers', () => matchers.toBeFree('3000')],
  ['toHaveOutput of proctor/matchers', ({ run }) => matchers.toHaveOutput(run('cat'), wrong(5))],
  ['toMatchScreenSnapshot of proctor/matchers', ({ run }) => matchers.toMatchScreenSnapshot(wrong(run('cat')))],
]

describe('the line of the test', () => {
  test.each(calls)('%s', async (_, call) => {
    const proctor = await createProctor({ unexpectedExit: 'ignore' })
    await expectLineOf(() => call(proctor))
    await proctor.teardown()
  })

  test('of what the program can no longer do', async () => {
    const proctor = await createProctor()
    const program = proctor.run('true')
    await program.waitForExit()
    await expectLineOf(() => program.write('x'))
    await expectLineOf(() => program.endInput())
    await expectLineOf(() => program.kill())
    await expectLineOf(() => program.signal('SIGTERM'))
    await proctor.teardown()
  })

  base('of fixtures', async ({ run, workspace }) => {
    await expectLineOf(() => run('true', [], wrong({ timeut: 1 })))
    await expectLineOf(() => workspace.read('nowhere'))
  })

  test('a leak leads to what started it, whoever ends the fixture', async () => {
    const proctor = await createProctor({ leakTimeout: 1 })
    const program = proctor.run('sh', ['-c', 'sleep 600 & echo $!'])
    const line = new Error('the line above').stack!.match(/lines\.test\.ts:(\d+)/)![1]
    await program.waitForExit()
    const error = await rejectionOf(proctor.teardown())

    expect(error.name).toBe('LeakedProcessError')
    expect(framesOf(error)[0]).toContain(`lines.test.ts:${Number(line) - 1}:`)
  })

  test('an error of the test’s own function keeps its line', async () => {
    const proctor = await createProctor()
    const program = proctor.run('echo', ['x'])
    const thrown = new TypeError('mine')
    const { stack } = thrown
    const error = await rejectionOf(
      program.waitForOutput(() => {
        throw thrown
      }),
    )

    expect(error).toBe(thrown)
    expect(error.stack).toBe(stack)
    await program.waitForExit()
    await proctor.teardown()
  })
})
