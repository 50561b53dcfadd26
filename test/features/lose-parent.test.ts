import { readdir, readlink } from 'node:fs/promises'
import { createProctor } from 'proctor'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { statOf } from '../proc.js'
import { rejectionOf } from '../rejection.js'

const throwAway = { parent: 'throw-away' } as const

/**
 * A server that talks like a language server: one line in, one line out. `onEnd` is what it does when its input ends.
 */
const server = (onEnd: string): string => `
import { createInterface } from 'node:readline'
setInterval(() => {}, 1000)
const lines = createInterface({ input: process.stdin })
lines.on('line', (line) => console.log(JSON.stringify({ id: JSON.parse(line).id, result: 'pong' })))
lines.on('close', () => { ${onEnd} })
`

describe.each(['auto', 'basic'] as const)('with containment %s', (containment) => {
  test.override({ proctorOptions: { containment } })

  test('a server that ends with its client does so, one that does not is alive', async ({ run, workspace }) => {
    await workspace.write({ 'right.mjs': server('process.exit()'), 'wrong.mjs': server('') })
    const servers = ['right.mjs', 'wrong.mjs'].map((file) => run('node', [file], throwAway))
    for (const each of servers) {
      await each.write('{"id":1,"method":"ping"}\n')
      await each.waitForOutput('"result":"pong"')
    }
    const [right, wrong] = servers as [(typeof servers)[0], (typeof servers)[0]]
    const pid = wrong.pid!
    const { parent } = statOf(pid)!
    expect(parent).not.toBe(process.pid)
    await Promise.all(servers.map((each) => each.loseParent()))
    await expect(right).toBeDead()
    await expect(wrong).toBeAlive()
    expect(wrong.pid).toBe(pid)
    await expect(parent).toBeDead()
    expect(statOf(pid)!.parent).not.toBe(parent)
    const { exitSignal } = await wrong.kill()
    // The process that adopts it waits for it: this process with strict containment, init with basic.
    expect(exitSignal).toBe(containment === 'auto' ? 'SIGKILL' : null)
    if (containment === 'auto') expect((await right.waitForExit()).exitCode).toBe(0)
  })

  test('input, output, both streams and the exit arrive as without a parent', async ({ run }) => {
    const lines = Array.from({ length: 5000 }, (_, number) => `${number}\n`).join('')
    const cat = run('sh', ['-c', 'cat; echo oops >&2; exit 7'], { ...throwAway, input: lines })
    const { stdout, stderr, exitCode, exitSignal } = await cat.waitForExit()
    expect([stdout === lines, stderr, exitCode, exitSignal]).toEqual([true, 'oops\n', 7, null])
    const killed = run('sh', ['-c', 'kill -SEGV $$'], throwAway)
    await expect(killed).toHaveExitedWith('SIGSEGV')
    const stays = run('sleep', ['600'], throwAway)
    expect((await stays.kill()).exitSignal).toBe('SIGKILL')
  })

  test('processes that it has started are found when its parent has gone', async ({ run }) => {
    const command = run('sh', ['-c', 'setsid sleep 602 & sleep 601 & echo up; exec sleep 600'], throwAway)
    await command.waitForOutput('up')
    await command.loseParent()
    const lines = async (): Promise<string[]> => (await command.tree()).map((each) => each.command).toSorted()
    await expect.poll(lines).toEqual(['sleep 600', 'sleep 601', 'sleep 602'])
    await command.terminate()
    expect(await command.tree()).toEqual([])
  })
})

test('its parent ignores what a terminal sends, and it inherits nothing of it', async ({ run }) => {
  const command = run('sh', ['-c', 'echo up; exec sleep 600'], { ...throwAway, env: { NODE_OPTIONS: '--bogus' } })
  await command.waitForOutput('up')
  const { parent } = statOf(command.pid!)!
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.kill(parent, signal)
  // Every child inherits a descriptor that this process itself was given.
  const plain = run('sleep', ['600'])
  const more = async (): Promise<string[]> => {
    const [own, others] = await Promise.all([command, plain].map(({ pid }) => readdir(`/proc/${pid}/fd`)))
    return own!.filter((descriptor) => !others!.includes(descriptor))
  }
  // While a program loads its libraries, it has one more descriptor.
  await expect.poll(more).toEqual([])
  // It closes each before it opens another in its place.
  const streams = (): Promise<string[]> =>
    Promise.all(['0', '1', '2'].map((number) => readlink(`/proc/${parent}/fd/${number}`).catch(String)))
  await expect.poll(streams).toEqual(['/dev/null', '/dev/null', '/dev/null'])
  expect((await command.terminate()).exitSignal).toBe('SIGTERM')
  await expect(parent).toBeDead()
})

test('a parent that somebody else ends is lost as well', async ({ run }) => {
  // After this, the end of the parent is reported before the output is first read: both wait for the loop below.
  await new Promise(setImmediate)
  const command = run('sh', ['-c', 'echo up; kill -KILL $PPID; cat; sleep 600'], throwAway)
  while (statOf(command.pid!)!.parent !== process.pid);
  await command.waitForOutput('up')
  await expect
    .poll(async () => (await command.tree()).map((each) => each.command))
    .toEqual([expect.any(String), 'sleep 600'])
  await command.terminate()
})

test('a leak is also found with a parent', async () => {
  const proctor = await createProctor({ leakTimeout: 50 })
  await proctor.run('sh', ['-c', 'setsid sleep 600 & exit 0'], throwAway).waitForExit()
  expect((await rejectionOf(proctor.teardown())).message).toContain('sleep 600')
})

test('each mistake gives one clear error', async ({ run, workspace }) => {
  await workspace.write('text', 'no program')
  const missing = await rejectionOf(run('no-such-program', [], throwAway).waitForExit())
  expect(missing).toMatchObject({ name: 'SpawnError', code: 'ENOENT' })
  expect(missing.message).toBe((await rejectionOf(run('no-such-program').waitForExit())).message)
  const file = await rejectionOf(run('./text', [], throwAway).waitForExit())
  expect(file.message).toBe((await rejectionOf(run('./text').waitForExit())).message)
  const nul = await rejectionOf(run('echo', ['a\0b'], throwAway).waitForExit())
  expect(nul.message).toContain('NUL byte')
  const plain = run('sleep', ['600'])
  await expect(plain.loseParent()).rejects.toThrow(
    "loseParent: sleep 600 has no parent of its own. It gets one by run(…, { parent: 'throw-away' }).",
  )
  const done = run('true', [], throwAway)
  await done.waitForExit()
  await expect(done.loseParent()).rejects.toMatchObject({ name: 'AlreadyExitedError' })
  expect(() => run('sh', [], { ...throwAway, terminal: true })).toThrow('parent')
})
