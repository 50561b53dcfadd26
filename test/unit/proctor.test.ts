import { table } from '../../src/system/process-table/current.js'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { CommandProcess } from '../../src/command/command-process.js'
import { createProctor } from '../../src/fixture/proctor.js'
import type { LeakedProcessError } from '../../src/base/errors.js'
import type { TeardownReport } from '../../src/report/teardown-report.js'
import { now } from '../../src/base/clock.js'
import { isAlive } from '../../src/system/signals.js'
import { ended, givenProctor, rejection, shell } from './given.js'

describe('options', () => {
  test.each([
    [
      { graze: 5 },
      'unknown option "graze". Accepted are grace, leaks, leakTimeout, unexpectedExit, waitTimeout, allow, maxOutput, keepWorkspace, env, containment, trace, traceDir.',
    ],
    [{ constructor: 5 }, 'unknown option "constructor".'],
    [{ grace: '5' }, 'grace is "5". Accepted is a number of milliseconds, 0 or more.'],
    [{ grace: -1 }, 'grace is -1.'],
    [{ grace: Number.NaN }, 'grace is NaN.'],
    [{ grace: Infinity }, 'grace is Infinity.'],
    [{ grace: 2 ** 31 }, 'grace is 2147483648.'],
    [{ grace: null }, 'grace is null.'],
    [{ leaks: 'ignore' }, `leaks is "ignore". Accepted is 'fail' or 'kill'.`],
    [{ unexpectedExit: true }, `unexpectedExit is true. Accepted is 'fail' or 'ignore'.`],
    [{ allow: [''] }, 'allow is an array with "". Accepted is an array of strings and regular expressions.'],
    [{ allow: 'esbuild' }, 'allow is "esbuild". Accepted is an array of strings and regular expressions.'],
    [{ allow: [5] }, 'allow is an array with 5.'],
    [{ maxOutput: 1.5 }, 'maxOutput is 1.5. Accepted is a whole number of bytes from 0 to 250 MiB.'],
    [{ maxOutput: 2 ** 40 }, 'maxOutput is 1099511627776.'],
    [{ keepWorkspace: 'maybe' }, `keepWorkspace is "maybe". Accepted is 'never' or 'on-failure' or 'always'.`],
    [
      { env: { A: 5 } },
      'env is an object with "A": 5. Accepted is an object of names and strings (undefined removes a variable).',
    ],
    [{ env: ['A=5'] }, 'env is an array.'],
    [{ env: { 'A=B': 'c' } }, 'env is an object with "A=B": "c".'],
    [{ env: { A: 'b\0c' } }, 'env is an object with "A": "b\\u0000c".'],
    [{ env: { '': 'c' } }, 'env is an object with "": "c".'],
    [{ containment: 'loose' }, `containment is "loose". Accepted is 'auto' or 'strict' or 'basic'.`],
    ['grace', 'options are an object, not "grace".'],
    [null, 'options are an object, not null.'],
    [[], 'options are an object, not an array.'],
    [() => {}, 'options are an object, not a function.'],
  ])('createProctor(%o) is refused', async (options, says) => {
    const error = await rejection(createProctor(options as never))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(`createProctor: ${says}`)
  })

  test.each([
    [['x', [], { cwdd: 'a' }], 'run: unknown option "cwdd". Accepted are '],
    [['x', [], { cwd: 5 }], 'run: cwd is 5. Accepted is a string.'],
    [['x', [], { cwd: null }], 'run: cwd is null. Accepted is a string.'],
    [['x', [], { timeout: 0 }], 'run: timeout is 0. Accepted is a number of milliseconds above 0.'],
    [['x', [], { input: 5 }], 'run: input is 5. Accepted is a string or bytes.'],
    [['x', [], { input: null }], 'run: input is null.'],
    [['x', [], { shell: 5 }], 'run: shell is 5. Accepted is true, false or the path of a shell.'],
    [['x', [], { env: { A: 5 } }], 'run: env is an object with "A": 5.'],
    [['x', [], { leaks: 'ignore' }], `run: leaks is "ignore". Accepted is 'fail' or 'kill'.`],
    [['x', [], 'sub'], 'run: options are an object, not "sub".'],
    [['x', [], null], 'run: options are an object, not null.'],
    [['x', '-e 1'], 'run: the arguments are "-e 1". Accepted is an array of strings.'],
    [['x', ['-e', 1]], 'run: argument 2 is 1. Accepted is a string.'],
    [['x', [undefined]], 'run: argument 1 is undefined. Accepted is a string.'],
    [['x', null], 'run: the arguments are null. Accepted is an array of strings.'],
    [['x', { cwd: 'a' }], 'run: the arguments are an object. Accepted is an array of strings.'],
    [[5], 'run: the command is 5. Accepted is a string.'],
    [[null], 'run: the command is null. Accepted is a string.'],
    [[undefined], 'run: the command is undefined. Accepted is a string.'],
    [[['node', '-v']], 'run: the command is an array. Accepted is a string.'],
  ])('run(%o) is refused at once, and nothing started', async (parameters, says) => {
    const proctor = await givenProctor()
    const run = proctor.run.bind(proctor) as (...parameters: unknown[]) => unknown
    const error = await rejection(() => run(...parameters))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(says)
    expect(proctor.processes).toEqual([])
  })

  test('undefined is as if it were not there', async () => {
    const proctor = await createProctor({ grace: undefined, env: undefined, allow: undefined } as never)
    const process = proctor.run('cat', undefined, { input: undefined, cwd: undefined, timeout: undefined } as never)
    await process.endInput()
    expect((await process.waitForSuccessfulExit()).stdout).toBe('')
    await proctor.teardown()
  })
})

describe('teardown', () => {
  test('twice, at once or in turn, is one', async () => {
    const proctor = await createProctor()
    proctor.run('sleep', ['60'])
    const [first, second] = await Promise.all([proctor.teardown(), proctor.teardown()])
    expect(first).toBe(second)
    expect(await proctor.teardown()).toBe(first)
    await proctor[Symbol.asyncDispose]()
    expect(existsSync(proctor.workspace.path)).toBe(false)
  })

  test('that failed fails again in the same way, by dispose too', async () => {
    const proctor = await givenProctor()
    await ended(shell(proctor, 'exit 3'))
    const error = await rejection(proctor.teardown())
    expect(await rejection(proctor.teardown())).toBe(error)
    expect(await rejection(proctor[Symbol.asyncDispose]())).toBe(error)
    expect(existsSync(proctor.workspace.path)).toBe(false)
  })

  test('with nothing started removes the workspace', async () => {
    const proctor = await createProctor()
    expect(await proctor.teardown()).toEqual({
      containment: proctor.containment,
      commands: [],
      unattributed: [],
    })
    expect(existsSync(proctor.workspace.path)).toBe(false)
  })

  test('kill takes no signal, and ends nothing then', async () => {
    const proctor = await createProctor()
    const command = proctor.run('sleep', ['60'])
    const kill = command.kill.bind(command) as (signal: string) => Promise<unknown>
    await expect(kill('SIGTERM')).rejects.toThrow('kill takes nothing, and sends SIGKILL')
    expect(command.running).toBe(true)
    await proctor.teardown()
  })

  test('what is written into the workspace after it makes no folder', async () => {
    const proctor = await createProctor()
    await proctor.teardown()
    await expect(proctor.workspace.write('late/x', 'text')).rejects.toThrow(
      'The test has ended: its workspace is gone.',
    )
    await expect(proctor.workspace.copyFrom('.')).rejects.toThrow('The test has ended: its workspace is gone.')
    expect(existsSync(proctor.workspace.path)).toBe(false)
  })

  test('run after it starts nothing', async () => {
    const proctor = await createProctor()
    const ending = proctor.teardown()
    const message = 'The test has ended: sh -c \'echo "no"\' is not started any more.'
    expect(() => proctor.run('sh', ['-c', 'echo "no"'])).toThrow(message)
    await ending
    expect(() => proctor.run('sh', ['-c', 'echo "no"'])).toThrow(message)
    expect(proctor.processes).toEqual([])
  })

  test('calls after it tell the end', async () => {
    const proctor = await createProctor()
    const process = proctor.run('sleep', ['60'])
    await proctor.teardown()
    expect(process).toMatchObject({ running: false, exitSignal: 'SIGTERM', pid: undefined })
    const message = 'Process unexpectedly exited with signal SIGTERM. Output:\n'
    expect(await rejection(process.kill())).toMatchObject({ message })
    expect(await rejection(process.kill())).toMatchObject({ name: 'AlreadyExitedError' })
    await process[Symbol.asyncDispose]()
  })

  test('reports what each command did', async () => {
    const proctor = await givenProctor({ grace: 50 })
    await proctor.workspace.write({ sub: {} })
    await proctor.run('echo', ['a b'], { cwd: 'sub' }).waitForExit()
    await shell(proctor, 'trap "" TERM; echo up; while :; do sleep 60; done').waitForOutput('up')
    await proctor.run('sleep', ['60']).kill()
    const { commands } = (await proctor.teardown()) satisfies TeardownReport
    const common = { leaked: [], survived: [], durationMs: expect.any(Number) }
    expect(commands).toMatchObject([
      {
        ...common,
        command: "echo 'a b'",
        cwd: `${proctor.workspace.path}/sub`,
        exitCode: 0,
        exitSignal: null,
        endedBy: 'itself',
        escalated: false,
        signals: [],
        lastOutput: [{ stream: 'stdout', text: 'a b' }],
      },
      { ...common, exitSignal: 'SIGKILL', endedBy: 'teardown', escalated: true, signals: ['SIGTERM', 'SIGKILL'] },
      {
        ...common,
        command: 'sleep 60',
        exitSignal: 'SIGKILL',
        endedBy: 'test',
        escalated: false,
        signals: ['SIGKILL'],
      },
    ])
  })

  test('leaves no timer behind: who waits for the event loop does not wait', async () => {
    const { execFileSync } = await import('node:child_process')
    const script = `
      const { createProctor } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})
      const proctor = await createProctor({ grace: 20_000 })
      await proctor.run('sleep', ['60']).terminate()
      proctor.run('sleep', ['60'])
      await proctor.teardown()`
    const begin = now()
    execFileSync(process.execPath, ['--input-type=module', '-e', script])
    expect(now() - begin).toBeLessThan(3000)
  })
})

describe('a leak', () => {
  test.each(['auto', 'basic'] as const)('fails the test, is named and killed (%s)', async (containment) => {
    const proctor = await givenProctor({ containment, leakTimeout: 50 })
    const process = await ended(
      shell(proctor, 'sleep 61 >/dev/null 2>&1 & echo $!; setsid sleep 62 >/dev/null 2>&1 & echo $!'),
    )
    await expect.poll(() => process.stdout.trim().split('\n')).toHaveLength(2)
    const [inGroup, outside] = process.stdout.split('\n').map(Number)
    // Not setsid any more.
    await expect.poll(() => table.commandLine(outside!)).toBe('sleep 62')
    const error = (await rejection(proctor.teardown())) as LeakedProcessError<TeardownReport>
    expect(error.name).toBe('LeakedProcessError')
    const text = error.message
      .replaceAll(/\d+ ms/g, '<ms>')
      .replaceAll(/\b\d{2,7} sleep/g, '<pid> sleep')
      .replaceAll(/│ \d+/g, '│ <pid>')
    expect(text.replaceAll(/ {2,}/g, '  ')).toMatchInlineSnapshot(`
      "2 processes outlived their command and were killed

        sh -c 'sleep 61 >/dev/null 2>&1 & echo $!; setsid sleep 62 …  exited 0 after <ms>  (cwd <workspace>)
        ├─ <pid> sleep 61  left behind in the group  ran <ms>  SIGTERM
        └─ <pid> sleep 62  left the group (own session) ran <ms>  SIGTERM

        last output
        │ <pid>
        │ <pid>

      hint: \`await run(…)\` does not wait for the end of a command; \`await run(…).waitForExit()\` does"
    `)
    expect(isAlive(inGroup!)).toBe(false)
    expect(error.report.commands[0]!.leaked).toMatchObject([
      { command: 'sleep 61', place: 'left behind in the group', outcome: 'SIGTERM' },
      { command: 'sleep 62', place: 'left the group (own session)', outcome: 'SIGTERM' },
    ])
  })

  test('its `run` can be taken out of it, as with the fixtures', async () => {
    const run = Reflect.get(await givenProctor(), 'run') as (command: string, args: string[]) => CommandProcess
    expect((await run('echo', ['hello']).waitForExit()).stdout).toBe('hello\n')
  })

  test('gives a hint to who takes the handle for a promise, and to nobody else', async () => {
    const hint = 'hint: `await run(…)` does not wait for the end of a command; `await run(…).waitForExit()` does'
    const said = async (act: (process: CommandProcess) => unknown): Promise<string> => {
      const proctor = await givenProctor({ leakTimeout: 20 })
      const process = shell(proctor, 'sleep 61 >/dev/null 2>&1 &')
      await process.settled
      await act(process)
      return (await rejection(proctor.teardown())).message
    }
    expect(await said((process) => Promise.resolve(process))).toContain(hint)
    expect(await said((process) => process.waitForExit())).not.toContain('hint')
    expect(await said(async (process) => (await Promise.resolve(process)).waitForExit())).not.toContain('hint')
  })

  test('is only killed where the command is said to leak', async () => {
    const proctor = await givenProctor({ leakTimeout: 50 })
    const process = await ended(proctor.run('sh', ['-c', 'sleep 61 >/dev/null 2>&1 & echo $!'], { leaks: 'kill' }))
    await expect(proctor.teardown()).resolves.toMatchObject({
      commands: [{ leaked: [], ended: [{ command: 'sleep 61' }] }],
    })
    expect(isAlive(Number(process.stdout))).toBe(false)
  })

  test('is none for what goes by itself in time, and for what the test ended', async () => {
    const proctor = await givenProctor({ leakTimeout: 5000 })
    await ended(shell(proctor, 'sleep 0.2 >/dev/null 2>&1 &'))
    await shell(proctor, 'setsid sleep 62 >/dev/null 2>&1 & echo up; wait').kill()
    await expect(proctor.teardown()).resolves.toMatchObject({ commands: [{ leaked: [] }, { leaked: [] }] })
  })

  test('is none for what is allowed, which lives on outside the workspace', async () => {
    const proctor = await givenProctor({ leakTimeout: 50, allow: ['sleep 63'] })
    const process = await ended(
      proctor.run(
        'sh',
        ['-c', 'cd /; sleep 63 >/dev/null 2>&1 & echo $!; cd "$OLDPWD"; sleep 64 >/dev/null 2>&1 & echo $!'],
        { allow: [/sleep 64$/] },
      ),
    )
    const [outside, inside] = process.stdout.split('\n').map(Number)
    try {
      const { commands } = await proctor.teardown()
      expect(commands[0]!.ended).toMatchObject([
        { pid: outside, outcome: 'allowed, left alive' },
        { pid: inside, outcome: 'allowed, ended' },
      ])
      expect([isAlive(outside!), isAlive(inside!)]).toEqual([true, false])
    } finally {
      globalThis.process.kill(outside!, 'SIGKILL')
    }
  })
})
