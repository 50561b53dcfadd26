import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { track } from '../../../src/containment/root.js'
import { RemoteContainment } from '../../../src/containment/threads/remote.js'
import type { Tree } from '../../../src/containment/tree.js'
import { table } from '../../../src/system/process-table/current.js'
import { hostThreads } from '../../../src/worker/choose-containment.js'
import { markFor } from '../../../src/worker/command-marks.js'
import { endByCommandLine, eventually, findByCommandLine, isRunning, uniqueNumber } from '../../machine.js'
import { statOf } from '../../proc.js'
import { givenProctor } from '../given.js'

// The main thread learns of a thread's commands through messages, which arrive late on a busy machine. Here, what
// happens in between is done step by step.

function givenHost(): RemoteContainment | string {
  const end = hostThreads()
  if (typeof end === 'string') return end
  const remote = new RemoteContainment(process.env['PROCTOR_THREADS']!, 'PROCTOR_OUTSIDE_thread')
  onTestFinished(async () => {
    // The answer shows that the main thread has heard of the end of the last fixture.
    await remote.look([])
    remote.close()
    end()
  })
  return remote
}

/** A program that has left a daemon behind and has exited, started as a thread would start it. */
async function givenLeak(number: string, command = 1): Promise<Tree> {
  onTestFinished(() => endByCommandLine(number))
  const mark = markFor('thread.1', command)
  const env = { PATH: process.env['PATH'], [mark.name]: mark.value }
  const child = spawn('sh', ['-c', `read go; setsid -f sleep ${number}`], {
    env,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const identity = table.identify(child.pid!)!
  child.stdin.end('go\n')
  await once(child, 'exit')
  await eventually(() => (findByCommandLine(number).length === 1 ? true : undefined), 'the daemon alone')
  return track({
    identity,
    mark: `${mark.name}=${mark.value}`,
    locks: undefined,
    owner: { kind: 'command', fixture: 'thread.1', number: command } as const,
    leadsGroup: true,
    workspace: '/nowhere',
    streams: new Set<string>(),
    isHeld: () => false,
    groupIsGone: true,
  })
}

describe.runIf(process.platform === 'linux')('what the main thread has decided before it hears of a command', () => {
  test('is decided anew', async ({ skip }) => {
    const remote = givenHost()
    if (typeof remote === 'string') return skip(remote)
    const number = uniqueNumber()
    remote.enter('thread.0')
    const tree = await givenLeak(number)
    const daemon = Number.parseInt(findByCommandLine(number)[0]!, 10)
    // When the previous fixture ends, the main thread looks at the daemon, which has become its child. Nobody claims it yet.
    remote.leave('thread.0')
    remote.enter('thread.1')
    remote.add(tree)
    const { members } = await remote.look([tree])
    const { survivors } = await remote.kill([tree], 4000)
    remote.leave('thread.1')

    expect(members.map(({ pid, evidence }) => [pid, evidence])).toEqual([[daemon, 'mark']])
    expect([survivors, isRunning(daemon)]).toEqual([[], false])
  })

  test('is not what another fixture may be ended by', async ({ skip }) => {
    const remote = givenHost()
    if (typeof remote === 'string') return skip(remote)
    const [own, number] = [uniqueNumber(), uniqueNumber()]
    remote.enter('thread.1')
    const known = await givenLeak(own, 3)
    remote.add(known)
    // It has the mark of a command that the main thread has not heard of.
    const other = await givenLeak(number, 4)
    const daemon = Number.parseInt(findByCommandLine(number)[0]!, 10)
    await remote.kill([known], 4000)
    expect([findByCommandLine(own), isRunning(daemon)]).toEqual([[], true])
    remote.add(other)
    await remote.kill([other], 4000)
    expect(isRunning(daemon)).toBe(false)
    remote.leave('thread.1')
  })

  test('what shows no environment, as in the middle of an exec, is not ended with the fixture before', async ({
    skip,
  }) => {
    const remote = givenHost()
    if (typeof remote === 'string') return skip(remote)
    const [first, number] = [uniqueNumber(), uniqueNumber()]
    onTestFinished(() => endByCommandLine(number))
    remote.enter('thread.1')
    const tree = await givenLeak(first)
    remote.add(tree)
    const outcome = await remote.kill([tree], 4000)
    expect([outcome.survivors, outcome.unattributed, findByCommandLine(first)]).toEqual([[], [], []])
    const starter = spawn('env', ['-i', 'setsid', '-f', 'sleep', number], { detached: true, stdio: 'ignore' })
    await once(starter, 'exit')
    remote.leave('thread.1')
    remote.enter('thread.2')
    // The answer shows that the main thread has received all of it.
    await remote.look([])
    expect(findByCommandLine(number)).toHaveLength(1)
    remote.leave('thread.2')
  })
})

test.runIf(process.platform === 'linux')('an orphan that nobody contains is waited for', async ({ skip }) => {
  const remote = givenHost()
  if (typeof remote === 'string') return skip(remote)
  const shell = spawn('sh', ['-c', 'sleep 600 > /dev/null & echo $!'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [[text]] = (await Promise.all([once(shell.stdout, 'data'), once(shell, 'exit')])) as [[Buffer], unknown]
  const orphan = Number(text.toString())
  expect(table.identify(orphan)?.ppid).toBe(process.pid)
  process.kill(orphan, 'SIGKILL')
  await eventually(() => (statOf(orphan) === undefined ? true : undefined), 'no zombie')
})

test.runIf(process.platform === 'linux')('once it hosts no threads any more, it looks as before', async ({ skip }) => {
  const end = hostThreads()
  if (typeof end === 'string') return skip(end)
  end()
  const proctor = await givenProctor()
  const command = proctor.run('sh', ['-c', 'read go; sleep 7304 & wait'])
  const { known } = command.ownTree!
  await eventually(() => (known.size === 1 ? true : undefined), 'a look that sees the shell')
  await command.write('go\n')
  expect(await eventually(() => [...known.values()].at(1)?.evidence, 'another one that sees its child')).toBe(
    'parent chain',
  )
  await command.kill()
})
