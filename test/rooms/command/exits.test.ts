import { describe, expect, test } from 'vitest'
import { errorOfExit, errorOnceExited } from '../../../src/command/exits.js'
import type { CommandProcess } from '../../../src/command/command-process.js'
import type { FixtureProctor } from '../../../src/fixture/proctor.js'
import { isAlive } from '../../../src/system/signals.js'
import { ended, givenProctor, rejection, shell } from '../given.js'

const state = (exitCode: number | null, exitSignal: NodeJS.Signals | null = null, output = 'out\n \n') => ({
  command: 'program',
  exitCode,
  exitSignal,
  output,
})

describe('the table, alone', () => {
  test('a running process gives no error', () => {
    expect(errorOnceExited('running', state(null))).toBeUndefined()
  })

  test.each([
    ['exited, not seen', state(0), 'UnexpectedExitError', 'Process unexpectedly exited with exit code 0. Output:\nout'],
    [
      'exited, not seen',
      state(255),
      'UnexpectedExitError',
      'Process unexpectedly exited with exit code 255. Output:\nout',
    ],
    [
      'exited, not seen',
      state(null, 'SIGSEGV'),
      'UnexpectedExitError',
      'Process unexpectedly exited with signal SIGSEGV. Output:\nout',
    ],
    ['exited, seen', state(0), 'AlreadyExitedError', 'Process already exited with 0. Output:\nout'],
    ['exited, seen', state(1, null, ''), 'AlreadyExitedError', 'Process already exited with 1. Output:\n'],
    [
      'exited, seen',
      state(null, 'SIGSEGV'),
      'AlreadyExitedError',
      'Process already exited with signal SIGSEGV. Output:\nout',
    ],
  ] as const)('%s, %o', (knowledge, given, name, message) => {
    const error = errorOnceExited(knowledge, given)!
    expect(error).toMatchObject({ ...given, name, message })
  })

  test('a failed exit is any other code, or a signal', () => {
    expect(errorOfExit(state(0))).toBeUndefined()
    expect(errorOfExit(state(1))).toMatchObject({
      ...state(1),
      name: 'FailedExitError',
      message: 'Process exited with non-zero exit code 1. Output:\nout',
    })
    expect(errorOfExit(state(null, 'SIGKILL'))).toMatchObject({
      message: 'Process exited with signal SIGKILL. Output:\nout',
    })
  })
})

interface Death {
  readonly title: string
  readonly script: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The text of the first, the second and the third message. */
  readonly unexpected: string
  readonly already: string
  readonly failed: string | undefined
}

const deaths: readonly Death[] = [
  {
    title: 'code 0',
    script: 'exit 0',
    code: 0,
    signal: null,
    unexpected: 'exit code 0',
    already: '0',
    failed: undefined,
  },
  {
    title: 'code 3',
    script: 'exit 3',
    code: 3,
    signal: null,
    unexpected: 'exit code 3',
    already: '3',
    failed: 'non-zero exit code 3',
  },
  {
    title: 'SIGSEGV',
    script: 'kill -SEGV $$',
    code: null,
    signal: 'SIGSEGV',
    unexpected: 'signal SIGSEGV',
    already: 'signal SIGSEGV',
    failed: 'signal SIGSEGV',
  },
]

/** A script that prints the pid of its own background process, which outlives it, and writes `err`. */
const dead = async (proctor: FixtureProctor, { script }: Death): Promise<[CommandProcess, child: number]> => {
  const process = await ended(shell(proctor, `sleep 60 >/dev/null 2>&1 & echo $!; ${script}`))
  return [process, Number(process.stdout)]
}

const calls: readonly [string, (process: CommandProcess) => unknown][] = [
  ['kill', (process) => process.kill()],
  ['terminate', (process) => process.terminate()],
  ['write', (process) => process.write('x')],
  ['endInput', (process) => process.endInput()],
  ['signal', (process) => process.signal('SIGHUP')],
  ['waitForOutput', (process) => process.waitForOutput('never')],
]

describe.each(deaths)('a process that ended with $title', (death) => {
  test.each(calls)('%s, unseen: UnexpectedExitError, and AlreadyExitedError after it', async (name, call) => {
    const proctor = await givenProctor({ leaks: 'kill' })
    const [process, child] = await dead(proctor, death)
    const fields = { command: process.command, exitCode: death.code, exitSignal: death.signal, output: `${child}\n` }
    expect(await rejection(() => call(process))).toMatchObject({
      ...fields,
      name: 'UnexpectedExitError',
      message: `Process unexpectedly exited with ${death.unexpected}. Output:\n${child}`,
    })
    for (const [, again] of calls) {
      expect(await rejection(() => again(process))).toMatchObject({
        ...fields,
        name: 'AlreadyExitedError',
        message: `Process already exited with ${death.already}. Output:\n${child}`,
      })
    }
    // kill() and terminate() end what is left of the tree. By now each of them has been called here.
    expect(isAlive(child)).toBe(false)
    await proctor.teardown()
    expect(name).toBeTruthy()
  })

  test.each([calls[0]!, calls[1]!])('%s, unseen and seen, ends what is left of the tree', async (_name, call) => {
    const proctor = await givenProctor({ leaks: 'kill' })
    const [unseen, itsChild] = await dead(proctor, death)
    expect(isAlive(itsChild)).toBe(true)
    await rejection(() => call(unseen))
    expect(isAlive(itsChild)).toBe(false)
    const [seen, child] = await dead(proctor, death)
    await seen.waitForExit()
    await rejection(() => call(seen))
    expect(isAlive(child)).toBe(false)
  })

  test('waitForOutput, unseen: what is there is found; seen: AlreadyExitedError', async () => {
    const proctor = await givenProctor({ leaks: 'kill', unexpectedExit: 'ignore' })
    const [process, child] = await dead(proctor, death)
    expect(await process.waitForOutput(String(child))).toBe(`${child}\n`)
    expect((await process.waitForOutput(/\d+/))[0]).toBe(String(child))
    expect(await process.waitForOutput(() => true)).toBe(`${child}\n`)
    await process.waitForExit()
    expect(await rejection(process.waitForOutput(String(child)))).toMatchObject({ name: 'AlreadyExitedError' })
  })

  test('waitForExit and waitForSuccessfulExit, unseen, and the same again', async () => {
    const proctor = await givenProctor({ leaks: 'kill' })
    const [process, child] = await dead(proctor, death)
    const exit = {
      exitCode: death.code,
      exitSignal: death.signal,
      stdout: `${child}\n`,
      stderr: '',
      output: `${child}\n`,
      durationMs: expect.any(Number),
    }
    for (let round = 0; round < 2; round += 1) {
      expect(await process.waitForExit()).toEqual(exit)
      const success = process.waitForSuccessfulExit()
      const outcome = await (death.failed === undefined ? success : rejection(success))
      const failure = {
        name: 'FailedExitError',
        message: `Process exited with ${death.failed}. Output:\n${child}`,
        exitCode: death.code,
        exitSignal: death.signal,
      }
      expect(outcome).toMatchObject(death.failed === undefined ? exit : failure)
    }
  })

  test('group.signal: does it while the group has live members, else as signal()', async () => {
    const proctor = await givenProctor({ leaks: 'kill' })
    const [process, child] = await dead(proctor, death)
    process.group.signal('SIGTERM')
    await expect.poll(() => isAlive(child)).toBe(false)
    expect(await rejection(() => process.group.signal('SIGTERM'))).toMatchObject({ name: 'UnexpectedExitError' })
    expect(await rejection(() => process.group.signal('SIGTERM'))).toMatchObject({ name: 'AlreadyExitedError' })
  })
})

describe('at teardown', () => {
  const looks: readonly [string, (process: CommandProcess) => unknown][] = [
    ['waitForExit', (process) => process.waitForExit()],
    ['waitForSuccessfulExit', (process) => process.waitForSuccessfulExit()],
    ['kill', (process) => process.kill()],
    ['terminate', (process) => process.terminate()],
    ['an error about it', (process) => process.write('x')],
    ['exitCode', (process) => process.exitCode],
    ['exitSignal', (process) => process.exitSignal],
  ]

  test.each(looks)('an exit with an error is excused by %s', async (_name, look) => {
    const proctor = await givenProctor()
    const process = await ended(shell(proctor, 'exit 3'))
    await Promise.resolve()
      .then(() => look(process))
      .catch(() => {})
    await expect(proctor.teardown()).resolves.toMatchObject({ commands: [{ exitCode: 3, endedBy: 'itself' }] })
  })

  test('is excused when the test had signalled the process', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    process.signal('SIGTERM')
    await ended(process)
    const other = proctor.run('sleep', ['60'])
    other.group.signal('SIGKILL')
    await ended(other)
    await expect(proctor.teardown()).resolves.toMatchObject({
      commands: [
        { exitSignal: 'SIGTERM', signals: ['SIGTERM'] },
        { exitSignal: 'SIGKILL', signals: ['SIGKILL'] },
      ],
    })
  })

  test('is not excused by a look at what came before the exit', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'read line; exit 3')
    expect([process.exitCode, process.exitSignal]).toEqual([null, null])
    await process.endInput()
    await ended(process)
    expect([process.running, process.output, process.pid]).toEqual([false, '', undefined])
    expect(await rejection(proctor.teardown())).toMatchObject({
      name: 'UnexpectedExitError',
      message: 'Process unexpectedly exited with exit code 3. Output:\n',
    })
  })

  test('is not one with code 0', async () => {
    const proctor = await givenProctor()
    await ended(proctor.run('true'))
    await expect(proctor.teardown()).resolves.toMatchObject({ commands: [{ exitCode: 0 }] })
  })

  test('is ignored on demand, a SpawnError is not', async () => {
    const proctor = await givenProctor({ unexpectedExit: 'ignore' })
    await ended(shell(proctor, 'kill -SEGV $$'))
    proctor.run('no-such-program')
    expect(await rejection(proctor.teardown())).toMatchObject({ name: 'SpawnError' })
  })

  test('in the very moment of the exit, an exit with 0 is none', async () => {
    for (let round = 0; round < 5; round += 1) {
      const proctor = await givenProctor({ leakTimeout: 5000 })
      // The output is held open beyond the exit, so that the drain lasts its whole time.
      await shell(proctor, 'sleep 0.1 & echo up').waitForOutput('up')
      await expect(proctor.teardown()).resolves.toMatchObject({ containment: proctor.containment })
    }
  })
})
