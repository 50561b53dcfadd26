import { writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { CommandProcess } from '../../../src/command/command-process.js'
import { toBeDead } from '../../../src/matchers/life.js'
import { toHaveExitedWith } from '../../../src/matchers/exit.js'
import { toHaveOutput } from '../../../src/matchers/output.js'
import type { FixtureProctor } from '../../../src/fixture/proctor.js'
import { isAlive } from '../../../src/system/signals.js'
import { ended, givenProctor, node, rejection, shell } from '../given.js'

/** A command that ignores SIGTERM. */
const stubborn = async (proctor: FixtureProctor): Promise<CommandProcess> => {
  const process = shell(proctor, 'trap "" TERM; echo up; while :; do sleep 60; done')
  await process.waitForOutput('up')
  return process
}

/** Fails the test when a promise rejects while nobody handles it. */
function watchRejections(): () => unknown[] {
  const unhandled: unknown[] = []
  // Vitest's own listeners would fail the run before this test can say which rejection it was.
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (reason) => unhandled.push(reason))
  onTestFinished(() => {
    process.removeAllListeners('unhandledRejection')
    for (const listener of others) process.on('unhandledRejection', listener)
  })
  return () => unhandled
}

/** Node reports unhandled rejections after the microtasks. */
const afterMicrotasks = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))

describe('standard input', () => {
  test('stays open until endInput', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'cat; while [ ! -e go ]; do sleep 0.01; done')
    await process.write('one\n')
    await process.waitForOutput('one')
    await process.write(new TextEncoder().encode('two\n'))
    await process.waitForOutput('two')
    await process.endInput()
    await process.endInput()
    await proctor.workspace.write('go', '')
    expect((await process.waitForSuccessfulExit()).stdout).toBe('one\ntwo\n')
  })

  test('that we closed takes nothing more', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'cat >/dev/null; echo read; exec sleep 60')
    await process.endInput()
    const error = await rejection(process.write('more'))
    expect(error).toMatchObject({
      name: 'ProctorError',
      message: `Cannot write to ${process.command}: its standard input was closed, by endInput() or the option input.`,
    })
    expect(process.running).toBe(true)
    await process.kill()
  })

  test('of the option input is closed after it', async () => {
    const proctor = await givenProctor()
    expect((await proctor.run('cat', [], { input: 'text' }).waitForSuccessfulExit()).stdout).toBe('text')
    expect((await proctor.run('cat', [], { input: '' }).waitForSuccessfulExit()).stdout).toBe('')
    const process = proctor.run('sleep', ['60'], { input: 'text' })
    expect((await rejection(process.write('more'))).message).toContain('its standard input was closed')
    await process.endInput()
    await process.kill()
  })

  test('that the program closed says EPIPE, and the program lives on', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'exec 0<&-; echo closed; exec sleep 60')
    await process.waitForOutput('closed')
    const error = await rejection(process.write('text'))
    expect(error).toMatchObject({
      name: 'ProctorError',
      message: `Cannot write to ${process.command}: it has closed its standard input (EPIPE).`,
    })
    expect((await rejection(process.write('again'))).message).toContain('it has closed its standard input')
    expect(process.running).toBe(true)
    await process.kill()
  })

  test('of a program that exits without reading: the exit, and not EPIPE', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'read line; exit 3')
    await process.write('go\n')
    const error = await rejection(async () => {
      for (;;) await process.write('x'.repeat(100_000))
    })
    expect(error).toMatchObject({
      name: 'UnexpectedExitError',
      message: 'Process unexpectedly exited with exit code 3. Output:\n',
    })
  })

  test('larger than the pipe, to a program that never reads, does no harm', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'], { input: 'x'.repeat(4_000_000) })
    expect(await process.kill()).toMatchObject({ exitSignal: 'SIGKILL' })
  })

  test('larger than the pipe, to a program that exits without reading, is its exit', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('true', [], { input: 'x'.repeat(4_000_000) })
    expect(await process.waitForSuccessfulExit()).toMatchObject({ exitCode: 0 })
  })

  test('larger than the pipe arrives whole, even at a slow reader', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('wc', ['-c'], { input: 'x'.repeat(4_000_000) })
    expect((await process.waitForSuccessfulExit()).stdout.trim()).toBe('4000000')
  })

  test('that nobody reads: a write waits no longer than a wait', async () => {
    const proctor = await givenProctor({ waitTimeout: 100 })
    const process = proctor.run('sleep', ['60'])
    const error = await rejection(process.write('x'.repeat(4_000_000)))
    expect(error).toMatchObject({
      name: 'WaitTimeoutError',
      message: 'Timed out after 0.1 seconds:\n\n',
      timeoutMs: 100,
    })
    await process.kill()
  })

  test('takes text or bytes, and says so', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('cat')
    for (const [given, said] of [
      [5, 'number'],
      [null, 'null'],
      [undefined, 'undefined'],
      [{}, 'object'],
    ] as const) {
      expect(await rejection(process.write(given as unknown as string))).toEqual(
        new TypeError(`write: text is a string or bytes, not ${said}.`),
      )
    }
    await process.kill()
  })
})

describe('a predicate', () => {
  test('that throws makes the wait reject with that very error', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo up; exec sleep 60')
    const mine = new Error('mine')
    const fail = (): never => {
      throw mine
    }
    expect(await rejection(process.waitForOutput(fail))).toBe(mine)
    expect(await rejection(process.waitForOutput(() => Promise.reject(mine)))).toBe(mine)
    expect(process.running).toBe(true)
    await process.kill()
  })

  test('that throws something other than an error does, too', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    await expect(process.waitForOutput(() => Promise.reject('words'))).rejects.toBe('words')
    await process.kill()
  })

  test('that depends on more than the output is asked again and again', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo up; exec sleep 60')
    let asked = 0
    expect(await process.waitForOutput(() => (asked += 1) > 3)).toBe('up\n')
    expect(await process.waitForOutput(async () => proctor.workspace.exists('.'))).toBe('up\n')
    await process.kill()
  })

  test('that returns a promise of another realm is waited for', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    // oxlint-disable-next-line unicorn/no-thenable -- what fs.promises gives inside Jest's sandbox is no Promise there.
    const no = { then: (resolve: (holds: boolean) => void) => resolve(false) } as unknown as Promise<boolean>
    await expect(process.waitForOutput(() => no, { timeout: 80 })).rejects.toThrow('Timed out after 0.08 seconds')
    await process.kill()
  })

  test('that never settles does not outlast the wait', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    await expect(process.waitForOutput(() => new Promise<boolean>(() => {}), { timeout: 50 })).rejects.toThrow(
      'Timed out',
    )
    await process.kill()
  })
})

describe('a wait', () => {
  test('rejects on an unknown option', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    const wrong = (value: unknown): never => value as never
    const cases: [() => Promise<unknown>, string][] = [
      [
        () => process.waitForOutput(wrong(5)),
        'waitForOutput: the pattern is a string, a regular expression or a function of the output, not 5.',
      ],
      [
        () => process.waitForOutput(wrong(undefined)),
        'waitForOutput: the pattern is a string, a regular expression or a function of the output, not undefined.',
      ],
      [
        () => process.waitForOutput('x', wrong({ timeot: 5 })),
        'waitForOutput: unknown option "timeot". Accepted are timeout, stream, since. Did you mean timeout?',
      ],
      [
        () => process.waitForOutput('x', wrong({ toString: 5 })),
        'waitForOutput: unknown option "toString". Accepted are timeout, stream, since.',
      ],
      [
        () => process.waitForOutput('x', { stream: wrong('both') }),
        `waitForOutput: stream is "both". Accepted is 'stdout' or 'stderr' or 'output'.`,
      ],
      [
        () => process.waitForOutput('x', { since: wrong(3) }),
        'waitForOutput: since is 3. Accepted is a mark from process.mark().',
      ],
      [
        () => process.waitForExit({ timeout: -1 }),
        'waitForExit: timeout is -1. Accepted is a number of milliseconds, 0 or more.',
      ],
      [
        () => process.waitForExit({ timeout: Number.NaN }),
        'waitForExit: timeout is NaN. Accepted is a number of milliseconds, 0 or more.',
      ],
      [
        () => process.waitForSuccessfulExit({ timeout: wrong('1s') }),
        'waitForSuccessfulExit: timeout is "1s". Accepted is a number of milliseconds, 0 or more.',
      ],
      [() => process.waitForSuccessfulExit(wrong(1000)), 'waitForSuccessfulExit: options are an object, not 1000.'],
      [() => process.terminate(wrong({ timeout: 5 })), 'terminate: unknown option "timeout". Accepted are grace.'],
      [
        () => process.terminate({ grace: Infinity }),
        'terminate: grace is Infinity. Accepted is a number of milliseconds, 0 or more.',
      ],
    ]
    for (const [call, message] of cases) await expect(call()).rejects.toEqual(new TypeError(message))
    expect(process.running).toBe(true)
    await process.kill()
  })

  test('with no time looks once', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo up; exec sleep 60')
    await process.waitForOutput('up')
    expect(await process.waitForOutput('up', { timeout: 0 })).toBe('up\n')
    expect(await rejection(process.waitForOutput('down', { timeout: 0 }))).toMatchObject({
      name: 'WaitTimeoutError',
      message: 'Timed out after 0 seconds:\n\nup',
      output: 'up\n',
      timeoutMs: 0,
    })
    await process.kill()
  })

  test('takes a regular expression with flags as if it had no memory', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo one two; exec sleep 60')
    const pattern = /(\w+) two/gy
    pattern.lastIndex = 7
    for (let round = 0; round < 3; round += 1) expect((await process.waitForOutput(pattern))[1]).toBe('one')
    expect(pattern.lastIndex).toBe(7)
    await process.kill()
  })

  test('that is pending at teardown rejects, without an unhandled rejection', async () => {
    const unhandled = watchRejections()
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    const pending = [
      process.waitForOutput('never'),
      process.waitForOutput(() => new Promise<boolean>(() => {})),
      process.waitForExit(),
      process.waitForSuccessfulExit(),
      process.write('x'.repeat(4_000_000)),
    ]
    await proctor.teardown()
    await afterMicrotasks()
    expect(unhandled()).toEqual([])
    for (const wait of pending) {
      await expect(wait).rejects.toMatchObject({
        name: 'ProctorError',
        message: 'The test has ended: nothing waits for sleep 60 any more.',
      })
    }
  })

  test('that is pending when the program exits rejects with the exit', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'read line; echo bye; exit 7')
    const waits = Promise.allSettled([
      process.waitForOutput('never'),
      process.waitForOutput(/bye/),
      process.waitForExit(),
      process.waitForSuccessfulExit(),
    ])
    await process.write('go\n')
    const [first, second, third, fourth] = await waits
    expect(first).toMatchObject({
      reason: { message: 'Process unexpectedly exited with exit code 7. Output:\nbye', exitCode: 7, exitSignal: null },
    })
    expect(second).toMatchObject({ status: 'fulfilled' })
    expect(third).toMatchObject({ value: { exitCode: 7, exitSignal: null, stdout: 'bye\n', output: 'bye\n' } })
    expect(fourth).toMatchObject({
      reason: { message: 'Process exited with non-zero exit code 7. Output:\nbye', name: 'FailedExitError' },
    })
  })

  test('takes what a program wrote just before it exited', async () => {
    const proctor = await givenProctor()
    for (let round = 0; round < 20; round += 1) {
      expect(await shell(proctor, 'printf last').waitForOutput('last')).toBe('last')
    }
  })
})

describe('ending', () => {
  test('two kills at once both resolve with the exit', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'sleep 60 & echo up; wait')
    await process.waitForOutput('up')
    const exits = await Promise.all([process.kill(), process.kill()])
    for (const exit of exits) expect(exit).toMatchObject({ exitCode: null, exitSignal: 'SIGKILL', output: 'up\n' })
    expect(process.signalLog.names).toEqual(['SIGKILL'])
    expect((await rejection(process.kill())).message).toBe('Process already exited with signal SIGKILL. Output:\nup')
  })

  test('each signal is remembered with its sender and its time', async () => {
    const proctor = await givenProctor({ grace: 50 })
    const handled = shell(proctor, 'trap : HUP; echo up; while :; do sleep 60 & wait; done')
    const timed = proctor.run('sleep', ['60'], { timeout: 100 })
    await handled.waitForOutput('up')
    handled.signal('SIGHUP')
    await rejection(timed.waitForExit())
    const { commands } = await proctor.teardown()
    const sent = commands.map(({ sentSignals }) => sentSignals.map(({ signal, by }) => `${signal} ${by}`))
    expect(sent[0]!.slice(0, 2)).toEqual(['SIGHUP test', 'SIGTERM teardown'])
    expect(sent[1]).toEqual(['SIGKILL timeout'])
    const [first, second] = commands[0]!.sentSignals
    expect(first!.time).toBeLessThanOrEqual(second!.time)
    expect(commands.map(({ signals }) => signals)).toEqual(
      commands.map(({ sentSignals }) => sentSignals.map(({ signal }) => signal)),
    )
  })

  test('kill during terminate does not wait for the grace', async () => {
    const proctor = await givenProctor()
    const process = await stubborn(proctor)
    const terminated = process.terminate({ grace: 100_000 })
    const killed = process.kill()
    expect(await killed).toMatchObject({ exitSignal: 'SIGKILL' })
    expect(await terminated).toMatchObject({ exitSignal: 'SIGKILL' })
    expect(process.signalLog.names).toEqual(['SIGTERM', 'SIGKILL'])
    expect(process.endings.isEscalated).toBe(true)
  })

  test('a shorter grace shortens the one that runs', async () => {
    const proctor = await givenProctor()
    const process = await stubborn(proctor)
    const ends = await Promise.all([process.terminate({ grace: 100_000 }), process.terminate({ grace: 50 })])
    expect(ends).toMatchObject([{ exitSignal: 'SIGKILL' }, { exitSignal: 'SIGKILL' }])
  })

  test('terminate during kill is the same end', async () => {
    const proctor = await givenProctor()
    const process = await stubborn(proctor)
    const [killed, terminated] = await Promise.all([process.kill(), process.terminate()])
    expect(killed).toMatchObject({ exitSignal: 'SIGKILL' })
    expect(terminated).toMatchObject({ exitSignal: 'SIGKILL' })
    expect(process.signalLog.names).toEqual(['SIGKILL'])
  })

  test('teardown during terminate goes by its own grace', async () => {
    const unhandled = watchRejections()
    const proctor = await givenProctor({ grace: 50 })
    const process = await stubborn(proctor)
    const terminated = process.terminate({ grace: 100_000 })
    await proctor.teardown()
    expect(await terminated).toMatchObject({ exitSignal: 'SIGKILL' })
    await afterMicrotasks()
    expect(unhandled()).toEqual([])
  })

  test('terminate lets a handler finish within the grace', async () => {
    const proctor = await givenProctor()
    const process = node(
      proctor,
      'process.on("SIGTERM", () => setTimeout(() => { console.log("cleaned"); process.exit(4) }, 150)); console.log("up"); setInterval(() => {}, 1000)',
    )
    await process.waitForOutput('up')
    expect(await process.terminate({ grace: 5000 })).toMatchObject({ exitCode: 4, stdout: 'up\ncleaned\n' })
    expect(process.endings.isEscalated).toBe(false)
  })

  test('terminate without a grace is SIGTERM and at once SIGKILL', async () => {
    const proctor = await givenProctor()
    const process = await stubborn(proctor)
    expect(await process.terminate({ grace: 0 })).toMatchObject({ exitSignal: 'SIGKILL' })
    expect(process.signalLog.names).toEqual(['SIGTERM', 'SIGKILL'])
  })

  test('terminate continues a stopped process', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.02; done')
    await process.waitForOutput('up')
    process.signal('SIGSTOP')
    await vi.waitUntil(async () => (await process.group.members()).some(({ state }) => state === 'T'))
    expect(await process.terminate({ grace: 5000 })).toMatchObject({ exitCode: 0, stdout: 'up\nbye\n' })
  })

  test('dispose after kill is silent, and so is dispose twice, at once or in turn', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    await process.kill()
    await process[Symbol.asyncDispose]()
    const other = proctor.run('sleep', ['60'])
    await Promise.all([other[Symbol.asyncDispose](), other[Symbol.asyncDispose]()])
    await other[Symbol.asyncDispose]()
    expect(other.running).toBe(false)
    expect(other.endedBy).toBe('test')
  })

  test('dispose after the exit is silent, ends what is left, and does not count as a look at the exit', async () => {
    const proctor = await givenProctor()
    const process = await ended(shell(proctor, 'sleep 60 & echo $!; exit 3'))
    const child = Number(process.output)
    expect(isAlive(child)).toBe(true)
    await process[Symbol.asyncDispose]()
    expect(isAlive(child)).toBe(false)
    expect((await rejection(proctor.teardown())).message).toBe(
      `Process unexpectedly exited with exit code 3. Output:\n${child}`,
    )
  })

  test('a signal that this system does not have is refused', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    for (const wrong of ['TERM', 'SIGNOPE', 15, 0, null, undefined, '', 'toString']) {
      const said = typeof wrong === 'string' ? JSON.stringify(wrong) : String(wrong)
      const message = `: ${said} is no signal of this system. Accepted are names such as 'SIGTERM'.`
      expect(() => process.signal(wrong as NodeJS.Signals)).toThrow(new TypeError(`signal${message}`))
      expect(() => process.group.signal(wrong as NodeJS.Signals)).toThrow(new TypeError(`group.signal${message}`))
    }
    expect(process.running).toBe(true)
    await process.kill()
  })
})

describe('the timeout of a command', () => {
  test('ends its whole tree, and every wait says so', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sh', ['-c', 'sleep 60 & echo $!; wait'], { timeout: 300 })
    const [, child] = await process.waitForOutput(/(\d+)/)
    const message = `Command timed out after 0.3 seconds and was killed: ${process.command}\n\n${child}`
    const errors = await Promise.all([
      rejection(process.waitForExit()),
      rejection(process.waitForSuccessfulExit()),
      rejection(process.waitForOutput('never')),
    ])
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'CommandTimeoutError', message, timeoutMs: 300, exitSignal: 'SIGKILL' })
    }
    expect(await toBeDead(Number(child))).toMatchObject({ pass: true })
    await proctor.teardown()
  })

  test('that nobody saw fails the teardown', async () => {
    const proctor = await givenProctor()
    await ended(proctor.run('sleep', ['60'], { timeout: 50 }))
    expect(await rejection(proctor.teardown())).toMatchObject({ name: 'CommandTimeoutError' })
  })

  test('is over with the exit', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('true', [], { timeout: 60_000 })
    await process.waitForSuccessfulExit()
    expect(process.endedBy).toBe('itself')
  })
})

describe('properties', () => {
  test('follow the process by themselves', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'read line; exit 5')
    expect(process).toMatchObject({ running: true, exitCode: null, exitSignal: null })
    expect(isAlive(process.pid!)).toBe(true)
    expect(process.group.id).toBe(process.pid)
    await process.write('go\n')
    await ended(process)
    expect(process).toMatchObject({ running: false, exitCode: 5, exitSignal: null, pid: undefined })
    // Code that reads the exit code has accounted for the exit.
    await proctor.teardown()
  })

  test('the handle is not a promise', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    expect(await Promise.resolve(process)).toBe(process)
    expect('then' in process && (process as { then?: unknown }).then).toBeUndefined()
    await process.kill()
  })

  test('the verdict does not wait for a grandchild that holds the output', async () => {
    const proctor = await givenProctor({ leaks: 'kill' })
    const { exitCode } = await shell(proctor, 'sleep 60 & exit 0').waitForExit({ timeout: 100_000 })
    expect(exitCode).toBe(0)
    await proctor.teardown()
  })

  test('the group tells its members', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'sleep 60 & sleep 61 & echo up; wait')
    await process.waitForOutput('up')
    await vi.waitUntil(
      async () => (await process.group.members()).filter(({ command }) => command.startsWith('sleep')).length === 2,
    )
    const members = await process.group.members()
    expect(members).toHaveLength(3)
    for (const member of members) {
      expect(member).toEqual({
        pid: expect.any(Number),
        ppid: expect.any(Number),
        session: process.pid,
        state: expect.stringMatching(/^[RSD]$/),
        command: expect.stringMatching(/^s(?:h -c|leep 6[01])/),
        startedAt: expect.any(Date),
      })
    }
    expect(await process.group.isEmpty()).toBe(false)
    const { group } = process
    await process.kill()
    expect(await group.isEmpty()).toBe(true)
    expect(await group.members()).toEqual([])
  })
})

test('everything works while the runner fakes its timers', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const proctor = await givenProctor({ grace: 100 })
  const process = shell(proctor, 'echo up; exec sleep 60')
  await process.waitForOutput('up')
  await expect(process.waitForOutput('never', { timeout: 30 })).rejects.toThrow('Timed out after 0.03 seconds')
  await expect(process.waitForOutput(() => false, { timeout: 120 })).rejects.toThrow('Timed out')
  expect(await toHaveOutput(process, 'never', { timeout: 30 })).toMatchObject({ pass: false })
  expect(await toBeDead(process, { timeout: 30 })).toMatchObject({ pass: false })
  writeFileSync(proctor.workspace.resolve('pid'), String(process.pid))
  expect(await toBeDead(process, 'pid', { timeout: 100 })).toMatchObject({ pass: false })
  await process.kill()
  expect(await toBeDead(process, 'pid')).toMatchObject({ pass: true })
  expect(await toHaveExitedWith(process, 'SIGKILL')).toMatchObject({ pass: true })
  expect(await (await stubborn(proctor)).terminate({ grace: 50 })).toMatchObject({ exitSignal: 'SIGKILL' })
  await ended(proctor.run('sleep', ['60'], { timeout: 50, leaks: 'kill' }))
  await rejection(proctor.processes.at(-1)!.waitForExit())
  await stubborn(proctor)
  await proctor.teardown()
})
