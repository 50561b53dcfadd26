import { spawn } from 'node:child_process'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import * as matchers from '../../../src/matchers.js'
import type { Proctor } from '../../../src/fixture/types.js'
import type * as proctor from '../../../src/index.js'
import { matchers as vitestMatchers } from '../../../src/runners/vitest/matchers.js'
import { ended, givenProctor, node, rejection, shell } from '../given.js'

beforeAll(() => {
  expect.extend(matchers)
  // The next file of this worker may want Vitest's snapshots.
  return () => expect.extend(vitestMatchers)
})

/** A message without what differs from run to run. */
const stable = (error: Error): string =>
  error.message
    .replaceAll(/\bpid \d+/g, 'pid <pid>')
    .replaceAll(/\bprocess \d+/gi, (found) => found.replace(/\d+/, '<pid>'))
    .replaceAll(/(├─|└─) \d+/g, '$1 <pid>')
    .replaceAll(/\d+ ms/g, '<ms>')
    .replaceAll(/state [RS]\b/g, 'state <state>')
    .replaceAll(/file: \S+\//g, 'file: <workspace>/')

/** The path is in a variable, or else the compiler would look for the package before it is built. */
const builtPackage = '../../../dist/index.js'

const short = { timeout: 30 }

describe('the default timeout', () => {
  test('of a process, a workspace and a bare pid is the fixture’s', async () => {
    const proctor = await givenProctor({ waitTimeout: 50 })
    const process = proctor.run('sleep', ['60'])
    const ends: string[] = []
    const note = (name: string, matcher: Promise<unknown>): Promise<unknown> =>
      rejection(matcher).then(() => ends.push(name))
    await Promise.all([
      // As long as a matcher takes that knows no fixture.
      note('default', expect(process).toBeDead({ timeout: 4000 })),
      note('process', expect(process).toBeDead()),
      note('workspace', expect(proctor.workspace).toBeDead('no.pid')),
      note('pid', expect(process.pid!).toBeDead()),
    ])
    expect(ends.toSorted()).toEqual(['default', 'pid', 'process', 'workspace'])
    expect(ends.at(-1)).toBe('default')
  })
})

describe('toBeDead and toBeAlive', () => {
  test('of a command', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    await expect(process).toBeAlive()
    await expect(process).not.toBeDead()
    await process.kill()
    await expect(process).toBeDead()
    await expect(process).not.toBeAlive()
  })

  test('the leader alone is not the tree', async () => {
    const proctor = await givenProctor({ leaks: 'kill' })
    const process = await ended(shell(proctor, 'sleep 60 >/dev/null 2>&1 &'))
    await expect(process).not.toBeAlive()
    await expect(process).not.toBeDead()
    expect(stable(await rejection(expect(process).toBeDead(short)))).toMatchInlineSnapshot(`
      "expect(received).toBeDead()

      Expected it to be dead: sh -c 'sleep 60 >/dev/null 2>&1 &' exited with 0 after <ms>.

        └─ <pid> sleep 60  left behind in the group  state <state>

      No output so far."
    `)
  })

  test('of a process that dies in a moment', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'read line; sleep 0.1')
    const dead = expect(process).toBeDead()
    await process.endInput()
    await dead
    await process.waitForExit()
  })

  test('of a workspace, or a process, and a pid file', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sh', ['-c', 'echo $$ > own.pid; exec sleep 60'], {})
    await expect(process).toBeAlive('own.pid')
    await expect(proctor.workspace).toBeAlive('own.pid')
    await expect(proctor.workspace).not.toBeDead('own.pid')
    await process.kill()
    await expect(process).toBeDead('own.pid')
    await expect(proctor.workspace).not.toBeAlive('own.pid')
  })

  test('of a pid', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    await expect(child.pid).toBeAlive()
    await expect(child.pid).not.toBeDead({ timeout: 100 })
    const dead = expect(child.pid).toBeDead()
    child.kill('SIGKILL')
    await dead
  })

  test('have messages that a person can act on', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sh', ['-c', 'echo $$ > own.pid; echo "listening on 3000"; sleep 60 & wait'])
    await process.waitForOutput('listening')
    await expect.poll(async () => (await process.group.members()).map(({ command }) => command)).toContain('sleep 60')
    const said = async (assertion: Promise<void>): Promise<string> => stable(await rejection(assertion))
    expect(await said(expect(process).toBeDead(short))).toMatchInlineSnapshot(`
      "expect(received).toBeDead()

      Expected it to be dead: sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 60 & wait' is running (pid <pid>).

        ├─ <pid> sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 6…  leader  state <state>
        └─ <pid> sleep 60  in the group  state <state>

      last output
      │ listening on 3000"
    `)
    expect(await said(expect(process).not.toBeAlive(short))).toMatchInlineSnapshot(`
      "expect(received).not.toBeAlive()

      Expected it to be dead: sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 60 & wait' is running (pid <pid>).

      last output
      │ listening on 3000"
    `)
    expect(await said(expect(process).toBeDead('own.pid', short))).toMatchInlineSnapshot(`
      "expect(received).toBeDead('own.pid')

      Expected process <pid> (from own.pid) to be dead, but it is alive.
      sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 60 & wait' is running (pid <pid>)

        ├─ <pid> sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 6…  leader  state <state>
        └─ <pid> sleep 60  in the group  state <state>

      last output
      │ listening on 3000"
    `)
    expect(await said(expect(proctor.workspace).toBeDead('own.pid', short))).toMatchInlineSnapshot(`
      "expect(received).toBeDead('own.pid')

      Expected process <pid> (from own.pid) to be dead, but it is alive."
    `)
    expect(await said(expect(process.pid).toBeDead(short))).toMatchInlineSnapshot(`
      "expect(received).toBeDead()

      Expected it to be dead: process <pid> is alive."
    `)
    expect(await said(expect(process).toBeAlive('none.pid', short))).toMatchInlineSnapshot(`
      "No pid file: none.pid does not exist.
        file: <workspace>/none.pid
        Beside it: own.pid"
    `)
    await process.kill()
    expect(await said(expect(process).toBeAlive(short))).toMatchInlineSnapshot(`
      "expect(received).toBeAlive()

      Expected it to be alive: sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 60 & wait' exited with SIGKILL after <ms>.

      last output
      │ listening on 3000"
    `)
    expect(await said(expect(process).not.toBeDead(short))).toMatchInlineSnapshot(`
      "expect(received).not.toBeDead()

      Expected it to be alive: sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 60 & wait' exited with SIGKILL after <ms>.

      last output
      │ listening on 3000"
    `)
    expect(await said(expect(process).not.toBeDead('own.pid', short))).toMatchInlineSnapshot(`
      "expect(received).not.toBeDead('own.pid')

      Expected process <pid> (from own.pid) to be alive, but it is dead.
      sh -c 'echo $$ > own.pid; echo "listening on 3000"; sleep 60 & wait' exited with SIGKILL after <ms>

      last output
      │ listening on 3000"
    `)
  })

  test('do not wait for something that cannot happen any more', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    await process.kill()
    await rejection(expect(process).toBeAlive({ timeout: 100_000 }))
    await rejection(expect(process).not.toBeDead({ timeout: 100_000 }))
    await rejection(expect(process).toHaveOutput('x', { timeout: 100_000 }))
  })

  test.each([
    ['a string', '1234', 'string 1234'],
    ['nothing', undefined, /received undefined\./],
    ['null', null, /received null\./],
    ['an object', {}, 'an object'],
    ['an array', [1], 'an array'],
    ['a function', Math.max, /^toBe\w+: received a function/],
  ])('of %s are refused', async (_title, subject, said) => {
    for (const assertion of [expect(subject).toBeDead(), expect(subject).not.toBeAlive()]) {
      const error = await rejection(assertion)
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toMatch(said)
      expect(error.message).toContain('Accepted is a process, a workspace with a pid file, or a pid.')
    }
  })

  test.each([0, -1, Number.NaN, 1.5, Infinity])('of the number %s are refused', async (pid) => {
    const message = `Not a pid: ${pid}. Accepted are positive integers.`
    expect(await rejection(expect(pid).toBeDead())).toMatchObject({ message })
    expect(await rejection(expect(pid).not.toBeAlive())).toMatchObject({ message })
  })

  test('refuse unknown arguments', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    const wrong = (value: unknown): never => value as never
    const cases: [() => Promise<void>, string][] = [
      [() => expect(proctor.workspace).toBeDead(), 'toBeDead: a workspace needs the name of a pid file in it.'],
      [() => expect(process).toBeDead(wrong(5)), 'toBeDead: the pid file is a path in the workspace, not number 5.'],
      [() => expect(process).toBeDead(wrong(null)), 'toBeDead: the pid file is a path in the workspace, not null.'],
      [
        () => expect(process).toBeAlive(wrong({ timeot: 5 })),
        'toBeAlive: unknown option "timeot". Accepted are timeout. Did you mean timeout?',
      ],
      [
        () => expect(process).toBeAlive('a', wrong({ timeout: '5' })),
        'toBeAlive: timeout is "5". Accepted is a number of milliseconds, 0 or more.',
      ],
      [
        () => expect(process).toHaveOutput(wrong(5)),
        'toHaveOutput: expected is a string or a regular expression, not number 5.',
      ],
      [() => expect(process).toHaveOutput('x', wrong(5)), 'toHaveOutput: options are an object, not 5.'],
      [() => expect(5).toHaveOutput('x'), 'toHaveOutput: received number 5. Accepted is a process.'],
      [
        () => expect(process).toHaveExitedWith(256),
        'toHaveExitedWith: 256 is neither an exit code (0 to 255) nor the name of a signal.',
      ],
      [
        () => expect(process).toHaveExitedWith(wrong('TERM')),
        'toHaveExitedWith: TERM is neither an exit code (0 to 255) nor the name of a signal.',
      ],
      [
        () => expect(process).toHaveExitedWith(wrong(null)),
        'toHaveExitedWith: null is neither an exit code (0 to 255) nor the name of a signal.',
      ],
      [
        () => expect(proctor.workspace).toHaveExitedWith(0),
        'toHaveExitedWith: received an object. Accepted is a process.',
      ],
      [
        () => expect(process).toThrowFailedExit(),
        'toThrowFailedExit: received an object. Accepted is a function or a promise.',
      ],
      [
        () => expect(() => 1).toThrowFailedExit(wrong(5)),
        'toThrowFailedExit: the output is a string or a regular expression, not number 5.',
      ],
    ]
    for (const [assertion, message] of cases) expect(await rejection(assertion)).toEqual(new TypeError(message))
    await process.kill()
  })
})

describe('toHaveOutput', () => {
  test('passes, waits, and fails with the end of the output', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo one; read line; echo two; printf "\\033[31mred\\033[0m\\n"; exec sleep 60')
    await expect(process).toHaveOutput('one')
    await expect(process).toHaveOutput(/^o.e$/m)
    await expect(process).not.toHaveOutput('two')
    const later = expect(process).toHaveOutput('red')
    await process.write('go\n')
    await later
    expect(stable(await rejection(expect(process).toHaveOutput('three', short)))).toMatchInlineSnapshot(`
      "expect(received).toHaveOutput("three")

      Expected the output to have "three": sh -c 'echo one; read line; echo two; printf "\\033[31mred\\033[0m\\n"; exec sleep 60' is running (pid <pid>).

      last output
      │ one
      │ two
      │ ^[[31mred^[[0m"
    `)
    expect(stable(await rejection(expect(process).not.toHaveOutput(/tw./, short)))).toMatchInlineSnapshot(`
      "expect(received).not.toHaveOutput(/tw./)

      Expected the output not to have /tw./: sh -c 'echo one; read line; echo two; printf "\\033[31mred\\033[0m\\n"; exec sleep 60' is running (pid <pid>).

      last output
      │ one
      │ two
      │ ^[[31mred^[[0m"
    `)
    await process.kill()
  })

  test('ignores the state of a regular expression', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, 'echo one')
    await process.waitForExit()
    const pattern = /one/g
    for (let round = 0; round < 3; round += 1) await expect(process).toHaveOutput(pattern)
    expect(pattern.lastIndex).toBe(0)
  })

  test('of no output says so', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    expect(stable(await rejection(expect(process).toHaveOutput('x', short)))).toMatchInlineSnapshot(`
      "expect(received).toHaveOutput("x")

      Expected the output to have "x": sleep 60 is running (pid <pid>).

      No output so far.
      hint: its standard input is open, and nothing was written to it. A program that reads it waits: run(…, { input: '' }) or endInput() closes it"
    `)
    await process.kill()
  })
})

describe('toHaveExitedWith', () => {
  test('waits for a code or a signal, and marks the exit as seen', async () => {
    const proctor = await givenProctor()
    await expect(shell(proctor, 'exit 3')).toHaveExitedWith(3)
    await expect(shell(proctor, 'exit 0')).toHaveExitedWith(0)
    await expect(shell(proctor, 'kill -SEGV $$')).toHaveExitedWith('SIGSEGV')
    await expect(shell(proctor, 'exit 3')).not.toHaveExitedWith(4)
    await expect(shell(proctor, 'exit 3')).not.toHaveExitedWith('SIGTERM')
    await expect(proctor.teardown()).resolves.toMatchObject({ commands: { length: 5 } })
  })

  test('fails at once on another exit, and says which', async () => {
    const proctor = await givenProctor()
    const process = await ended(shell(proctor, 'echo broken; exit 3'))
    expect(stable(await rejection(expect(process).toHaveExitedWith(0, { timeout: 100_000 })))).toMatchInlineSnapshot(`
      "expect(received).toHaveExitedWith(0)

      Expected it to have exited with 0: sh -c 'echo broken; exit 3' exited with 3 after <ms>.

      last output
      │ broken"
    `)
    expect(stable(await rejection(expect(process).not.toHaveExitedWith(3)))).toMatchInlineSnapshot(`
      "expect(received).not.toHaveExitedWith(3)

      Expected it not to have exited with 3: sh -c 'echo broken; exit 3' exited with 3 after <ms>.

      last output
      │ broken"
    `)
  })

  test('neither it nor its opposite holds for a running process', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('sleep', ['60'])
    expect(stable(await rejection(expect(process).toHaveExitedWith(0, short)))).toMatchInlineSnapshot(`
      "expect(received).toHaveExitedWith(0)

      Expected it to have exited with 0: sleep 60 is running (pid <pid>).

      No output so far.
      hint: its standard input is open, and nothing was written to it. A program that reads it waits: run(…, { input: '' }) or endInput() closes it"
    `)
    expect(stable(await rejection(expect(process).not.toHaveExitedWith(0, short)))).toMatchInlineSnapshot(`
      "expect(received).not.toHaveExitedWith(0)

      Expected it not to have exited with 0: sleep 60 is running (pid <pid>).

      No output so far.
      hint: its standard input is open, and nothing was written to it. A program that reads it waits: run(…, { input: '' }) or endInput() closes it"
    `)
    await process.kill()
  })
})

describe('toThrowUnexpectedExit, toThrowAlreadyExited, toThrowFailedExit', () => {
  const outcomes = async (proctor: Proctor): Promise<(() => Promise<unknown>)[]> => {
    const process = proctor.run('sh', ['-c', 'echo "I got to the end!  "; exit 3'])
    await expect.poll(() => process.running).toBe(false)
    return [() => process.kill(), () => process.kill(), () => process.waitForSuccessfulExit()]
  }

  test('hold only for their own error, with its output', async () => {
    const proctor = await givenProctor()
    const [unexpected, already, failed] = await outcomes(proctor)
    await expect(unexpected).toThrowUnexpectedExit('I got to the end!')
    await expect(already).toThrowAlreadyExited('I got to the end!\n')
    await expect(failed).toThrowFailedExit(/the end!$/)
    await expect(failed!()).toThrowFailedExit()
    await expect(already).not.toThrowUnexpectedExit()
    await expect(already).not.toThrowAlreadyExited('I got to the end')
    await expect(already).not.toThrowAlreadyExited(/beginning/)
    await expect(() => 5).not.toThrowFailedExit()
    await expect(Promise.resolve(5)).not.toThrowFailedExit()
  })

  test('take an error that a function throws at once', async () => {
    const proctor = await givenProctor()
    const process = await ended(proctor.run('true'))
    await expect(() => process.signal('SIGHUP')).toThrowUnexpectedExit('')
    await expect(() => process.signal('SIGHUP')).toThrowAlreadyExited()
  })

  test('evaluate their subject once', async () => {
    let evaluated = 0
    const subject = (): void => void (evaluated += 1)
    await rejection(expect(subject).toThrowUnexpectedExit())
    expect(evaluated).toBe(1)
  })

  test('know an error of another copy of the package by its name', async () => {
    const { UnexpectedExitError } = (await import(builtPackage)) as typeof proctor
    const error = new UnexpectedExitError({ command: 'x', exitCode: 1, exitSignal: null, output: 'out\n' })
    await expect(Promise.reject(error)).toThrowUnexpectedExit('out')
  })

  test('say which error came instead', async () => {
    const proctor = await givenProctor()
    const [unexpected, already] = await outcomes(proctor)
    const said = async (assertion: Promise<void>): Promise<string> => stable(await rejection(assertion))
    expect(await said(expect(unexpected).toThrowUnexpectedExit('other'))).toMatchInlineSnapshot(`
      "expect(received).toThrowUnexpectedExit()

      Expected: UnexpectedExitError with output "other"
      Received: UnexpectedExitError: Process unexpectedly exited with exit code 3. Output:
      I got to the end!"
    `)
    expect(await said(expect(already).toThrowUnexpectedExit())).toMatchInlineSnapshot(`
      "expect(received).toThrowUnexpectedExit()

      Expected: UnexpectedExitError
      Received: AlreadyExitedError: Process already exited with 3. Output:
      I got to the end!"
    `)
    expect(await said(expect(already).not.toThrowAlreadyExited(/end/))).toMatchInlineSnapshot(`
      "expect(received).not.toThrowAlreadyExited()

      Expected: not AlreadyExitedError with output /end/
      Received: AlreadyExitedError: Process already exited with 3. Output:
      I got to the end!"
    `)
    expect(await said(expect(() => 5).toThrowFailedExit())).toMatchInlineSnapshot(`
      "expect(received).toThrowFailedExit()

      Expected: FailedExitError
      Received: nothing was thrown"
    `)
    expect(await said(expect(() => Promise.reject('words')).toThrowFailedExit())).toMatchInlineSnapshot(`
      "expect(received).toThrowFailedExit()

      Expected: FailedExitError
      Received: a thrown string words"
    `)
    const lookalike = Object.assign(new Error('not ours'), { name: 'FailedExitError' })
    expect(await said(expect(Promise.reject(lookalike)).toThrowFailedExit())).toMatchInlineSnapshot(`
      "expect(received).toThrowFailedExit()

      Expected: FailedExitError
      Received: FailedExitError (not proctor’s): not ours"
    `)
  })
})

describe('as plain functions', () => {
  test('they know no runner', async () => {
    const proctor = await givenProctor()
    const process = node(proctor, 'console.log("up"); setInterval(() => {}, 1000)')
    const passed = await matchers.toHaveOutput(process, 'up')
    expect(passed.pass).toBe(true)
    expect(passed.message()).toContain('expect(received).toHaveOutput("up")')
    const failed = await matchers.toBeDead(process, { timeout: 20 })
    expect(failed.pass).toBe(false)
    expect(failed.message()).toContain('Expected it to be dead: ')
    // Calls the matchers as a runner does under `.not`, where a matcher that passes fails the test.
    expect(await matchers.toBeDead.call({ isNot: true }, process)).toMatchObject({ pass: false })
    expect(await matchers.toHaveOutput.call({ isNot: true }, process, 'up', { timeout: 20 })).toMatchObject({
      pass: true,
    })
    await process.kill()
  })
})
