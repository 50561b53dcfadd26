// Compiled, never run: the types of `proctor/vitest`.
import type * as Door from 'proctor/vitest'
import { expectTypeOf, test as base } from 'vitest'
import { guard, type GuardOptions } from 'proctor/vitest/guard'
import {
  executable,
  expect,
  type Exit,
  fixtures,
  it,
  type OutputMark,
  type Proctor,
  type Process,
  type ProctorOptions,
  type Run,
  symlink,
  test,
  type Workspace,
} from 'proctor/vitest'

test('fixtures are typed', async ({ run, workspace, proctor, fileProctor, proctorOptions }) => {
  expectTypeOf(run).toEqualTypeOf<Proctor['run']>()
  expectTypeOf(run).toEqualTypeOf<Run>()
  expectTypeOf(it).toEqualTypeOf<typeof test>()
  expectTypeOf(workspace).toEqualTypeOf<Workspace>()
  expectTypeOf(proctor).toEqualTypeOf<Proctor>()
  expectTypeOf(fileProctor).toEqualTypeOf<Proctor>()
  expectTypeOf(proctorOptions).toEqualTypeOf<ProctorOptions>()

  const process = run('node', ['cli.js'], {
    cwd: 'sub',
    env: { A: 'a', B: undefined, PORT: 3000 },
    input: '',
    timeout: 1000,
    shell: true,
    leaks: 'kill',
    allow: [/esbuild/, 'gradle'],
  })
  expectTypeOf(process).toEqualTypeOf<Process>()
  expectTypeOf(run('node')).toEqualTypeOf<Process>()
  const frozen = ['-e', '1'] as const
  run('node', frozen)

  await workspace.write({
    'a.txt': 'text',
    'b.bin': new Uint8Array(2),
    'bin/x': executable('#!/bin/sh\n'),
    link: symlink('a.txt'),
    folder: { 'c.txt': 'text', deeper: { tool: executable(new Uint8Array(1)) } },
  })
  await workspace.write('a.txt', 'text')
  expectTypeOf(workspace.read('a.txt')).resolves.toBeString()
  expectTypeOf(workspace.exists('a.txt')).resolves.toBeBoolean()
  expectTypeOf(workspace.list()).resolves.toEqualTypeOf<string[]>()
  expectTypeOf(workspace.resolve('a', 'b')).toBeString()

  // @ts-expect-error an unknown option
  run('node', [], { workdir: 'sub' })
  // @ts-expect-error an option of the wrong type
  run('node', [], { timeout: '1s' })
  // @ts-expect-error arguments are an array
  run('node', '-e 1')
  // @ts-expect-error of strings
  run('node', [1])
  // @ts-expect-error a command is a string
  run(['node', '-e', '1'])
  // @ts-expect-error neither text, bytes, an executable, a link nor a folder
  await workspace.write({ 'a.txt': 5 })
  // @ts-expect-error a path needs content
  await workspace.write('a.txt')
  // @ts-expect-error content is text or bytes
  await workspace.write('a.txt', executable('x'))
})

test('a process', async ({ run }) => {
  const process = run('node', ['server.mjs'])
  expectTypeOf(process.pid).toEqualTypeOf<number | undefined>()
  expectTypeOf(process.exitCode).toEqualTypeOf<number | null>()
  expectTypeOf(process.exitSignal).toEqualTypeOf<NodeJS.Signals | null>()
  expectTypeOf(process.running).toBeBoolean()
  expectTypeOf(process.mark()).toEqualTypeOf<OutputMark>()

  const [line, port] = await process.waitForOutput(/listening on (\d+)/)
  expectTypeOf(line).toBeString()
  expectTypeOf(port).toEqualTypeOf<string | undefined>()
  expectTypeOf(process.waitForOutput(/x/)).resolves.toEqualTypeOf<RegExpExecArray>()
  expectTypeOf(process.waitForOutput('x')).resolves.toBeString()
  expectTypeOf(process.waitForOutput((output) => output.includes('x'))).resolves.toBeString()
  expectTypeOf(process.waitForOutput((output) => Promise.resolve(output === ''))).resolves.toBeString()
  await process.waitForOutput('x', { timeout: 100, stream: 'stderr', since: process.mark() })

  expectTypeOf(process.waitForExit()).resolves.toEqualTypeOf<Exit>()
  expectTypeOf(process.waitForSuccessfulExit({ timeout: 1 })).resolves.toEqualTypeOf<Exit>()
  expectTypeOf(process.kill()).resolves.toEqualTypeOf<Exit>()
  expectTypeOf(process.terminate({ grace: 5 })).resolves.toEqualTypeOf<Exit>()
  expectTypeOf(process.signal('SIGHUP')).toBeVoid()
  expectTypeOf(process.group.signal('SIGHUP')).toBeVoid()
  const [member] = await process.group.members()
  expectTypeOf(member!.startedAt).toEqualTypeOf<Date>()
  await process.write('text')
  await process.write(new Uint8Array(1))
  await process.endInput()

  // @ts-expect-error the handle is not a promise
  process.then(() => {})
  const awaited = await Promise.resolve(run('node'))
  expectTypeOf(awaited).toEqualTypeOf<Process>()
  // @ts-expect-error nor is what one gets by awaiting it
  void awaited.then
  // @ts-expect-error it is no exit either
  void awaited.durationMs
  // @ts-expect-error an unknown stream
  await process.waitForOutput('x', { stream: 'both' })
  // @ts-expect-error an unknown option
  await process.waitForOutput('x', { timeot: 5 })
  // @ts-expect-error no pattern
  await process.waitForOutput(5)
  // @ts-expect-error a predicate says yes or no
  await process.waitForOutput(() => 'yes')
  // @ts-expect-error no name of a signal
  process.signal('TERM')
  // @ts-expect-error a signal has a name
  process.signal(15)
  // @ts-expect-error kill asks for nothing
  await process.kill({ grace: 5 })
  // @ts-expect-error read only
  process.pid = 5
})

test('matchers', async ({ run, workspace }) => {
  const process = run('node')
  await expect(process).toBeDead()
  await expect(process).toBeDead('child.pid')
  await expect(process).toBeDead('child.pid', { timeout: 100 })
  await expect(process).toBeDead({ timeout: 100 })
  await expect(workspace).toBeAlive('child.pid')
  await expect(123).toBeAlive()
  await expect(process).not.toBeAlive('child.pid')
  await expect(process).toHaveOutput('x')
  await expect(process).not.toHaveOutput(/x/, { timeout: 100 })
  await expect(process).toHaveExitedWith(3)
  await expect(process).toHaveExitedWith('SIGKILL')
  await expect(() => process.kill()).toThrowUnexpectedExit('text')
  await expect(process.kill()).toThrowAlreadyExited(/text/)
  await expect(() => process.kill()).not.toThrowFailedExit()
  await expect.soft(process).toBeDead('child.pid')
  await expect.soft(process).not.toHaveOutput('x')
  await expect.poll(() => process.output).toContain('x')
  await expect.poll(() => process.running, { timeout: 4000 }).toBe(false)
  await expect.poll(() => process).toHaveOutput('x')
  expectTypeOf(expect(process).toBeDead()).resolves.toBeVoid()
  expectTypeOf(expect(process).not.toHaveExitedWith(0)).resolves.toBeVoid()

  // @ts-expect-error the pid file is a path
  await expect(process).toBeDead(5)
  // @ts-expect-error an unknown option
  await expect(process).toBeDead('child.pid', { timeot: 5 })
  // @ts-expect-error there is nothing to look for
  await expect(process).toHaveOutput()
  // @ts-expect-error a predicate is for waitForOutput
  await expect(process).toHaveOutput((output: string) => output === '')
  // @ts-expect-error no name of a signal
  await expect(process).toHaveExitedWith('KILL')
  // @ts-expect-error with what?
  await expect(process).toHaveExitedWith()
  // @ts-expect-error an output is text
  await expect(() => process.kill()).toThrowUnexpectedExit(1)
  // @ts-expect-error no such matcher
  await expect(process).toBeRunning()
})

// A user's own fixtures, both built on ours and beside them.
interface ServerFixtures {
  server: Process
}
const withServer = test.extend<ServerFixtures>({
  server: async ({ run }, use) => {
    await use(run('node', ['server.mjs']))
  },
})
withServer('has both', ({ server, workspace }) => {
  expectTypeOf(server).toEqualTypeOf<Process>()
  expectTypeOf(workspace).toEqualTypeOf<Workspace>()
})

const merged = base.extend<{ answer: number }>({ answer: 42 }).extend(fixtures)
merged('has both too', ({ answer, run }) => {
  expectTypeOf(answer).toBeNumber()
  expectTypeOf(run('node').pid).toEqualTypeOf<number | undefined>()
})

test('says what it ran', ({ task }) => {
  expectTypeOf(task.meta.proctor?.commands).toEqualTypeOf<number | undefined>()
  expectTypeOf(task.meta.proctor?.failed?.[0]?.sentSignals[0]?.by).toEqualTypeOf<
    'test' | 'timeout' | 'teardown' | undefined
  >()
})

guard({ mode: 'warn', unit: 'file', allow: ['gradle', /esbuild/], leakTimeout: 500, containment: 'basic' })
guard()
// @ts-expect-error there is no such mode
guard({ mode: 'loud' })
// @ts-expect-error there is no such option
guard({ alow: [] })
export const guardOptions: GuardOptions = { mode: 'off' }

// @ts-expect-error the core's names are types here: the door has no such value
export type NoSuchValue = (typeof Door)['createProctor']
