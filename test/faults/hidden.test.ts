import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { programFile, removePrograms, setuidRoot } from '../escapes/programs.js'
import { dist, forOthers } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'
import { needs } from '../needs.js'

// A process that /proc does not show may still be alive.

afterAll(removePrograms)

const reason = String.raw`/proc does not show it \(another user's, and hidepid\?\)`

/**
 * Runs a script as an ordinary user and as the first process of a pid namespace whose /proc hides other users'
 * processes. Returns what it prints.
 */
function saidWhereHidden(script: string): unknown {
  needs('root', 'unshare', 'mount', 'setpriv', 'cc')
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  chmodSync(folder, 0o1777)
  const begin = `
    import { spawn } from 'node:child_process'
    import { createProctor } from ${JSON.stringify(forOthers(`${dist}/index.js`))}
    const said = (ending) => ending.then(() => 'resolved', ({ name, message }) => name + ': ' + message)
    const began = async (proctor) => {
      for (let tries = 0; tries < 800 && !(await proctor.workspace.exists('escapee.pid')); tries += 1)
        await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const options = { grace: 20, leakTimeout: 20 }
    `
  const hidden = 'mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"'
  const own = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', 'sh', '-c', hidden, 'sh']
  const node = [process.execPath, '--input-type=module', '-e', `${begin}${script}\nprocess.exit()`]
  const { stdout, stderr } = spawnSync('unshare', [...own, ...node], {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
    env: {
      PATH: process.env['PATH'],
      HOME: '/',
      TMPDIR: folder,
      WITNESS: '/dev/null',
      SETUID_ROOT: setuidRoot('other-user.c'),
    },
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

test('a member that became another user’s, where /proc hides it, is refused and not passed over', () => {
  const [killed, tornDown] = saidWhereHidden(`
    const proctor = await createProctor({ ...options, containment: 'strict' })
    const command = proctor.run('sh', [${JSON.stringify(programFile('other-user-in-group.sh'))}])
    await began(proctor)
    console.log(JSON.stringify([await said(command.kill()), await said(proctor.teardown())]))`) as [string, string]
  expect(killed).toMatch(new RegExp(`^ContainmentError: .* could not be ended:\\n.*${reason}`))
  expect(tornDown).toMatch(new RegExp(`^LeakedProcessError: 1 process survived SIGKILL[^]*${reason}`))
})

test('the process of a pid file that /proc hides is not taken for dead', () => {
  const said = saidWhereHidden(`
    const { toBeDead } = await import(${JSON.stringify(forOthers(`${dist}/matchers.js`))})
    const proctor = await createProctor(options)
    const hidden = spawn(process.env.SETUID_ROOT, { cwd: proctor.workspace.path })
    await began(proctor)
    const { pass } = await toBeDead.call({ isNot: false }, proctor.workspace, 'escapee.pid', { timeout: 100 })
    await proctor.teardown()
    console.log(JSON.stringify({ pass, lives: hidden.exitCode === null && hidden.signalCode === null }))`)
  expect(said).toEqual({ pass: false, lives: true })
})

test('a leader that is another user’s from its first moment is kept, and refused; who may be signalled is ended', () => {
  const said = saidWhereHidden(`
    const bystander = spawn(process.env.SETUID_ROOT, { cwd: process.env.TMPDIR, env: { ...process.env, KEEP_USER: '1' } })
    const ends = []
    for (const containment of ['strict', 'basic']) {
      const proctor = await createProctor({ ...options, containment })
      const command = proctor.run(process.env.SETUID_ROOT)
      await began(proctor)
      ends.push(await said(command.kill()), await said(proctor.teardown()))
      const other = await createProctor({ ...options, containment })
      const kept = [0, 1].map(() => other.run(process.env.SETUID_ROOT, [], { env: { KEEP_USER: '1' } }))
      await began(other)
      await kept[0].kill()
      ends.push(await said(other.teardown()), kept.map(({ exitSignal }) => exitSignal).join())
    }
    const lives = bystander.exitCode === null && bystander.signalCode === null && bystander.kill(0)
    console.log(JSON.stringify({ ends, lives }))`) as { ends: string[]; lives: boolean }
  const refused = new RegExp(`cannot be proven dead: it has not exited, and ${reason}`)
  const each = [expect.stringMatching(refused), expect.stringMatching(refused), 'resolved', 'SIGKILL,SIGTERM']
  expect(said).toEqual({ ends: [...each, ...each], lives: true })
})

/** Runs a script in a worker thread. Its main thread, where the global set-up runs, has adopted the orphans. */
const inThread = (script: string): string => `
    import { Worker } from 'node:worker_threads'
    import { once } from 'node:events'
    import setup from ${JSON.stringify(forOthers(`${dist}/vitest-global-setup.js`))}
    const end = setup({ vitest: { projects: [{ config: { pool: 'threads' } }], config: {} }, config: {} })
    const code = ${JSON.stringify(`
      const { createProctor } = await import(${JSON.stringify(forOthers(`${dist}/index.js`))})
      const { parentPort } = await import('node:worker_threads')
      const said = (ending) => ending.then(() => 'resolved', ({ name, message }) => name + ': ' + message)
      const began = async () => {
        while (!(await proctor.workspace.exists('escapee.pid'))) await new Promise((resolve) => setTimeout(resolve, 5))
      }
      const proctor = await createProctor({ grace: 20, leakTimeout: 20, containment: 'strict' })
      ${script}
      const alone = await said(command.kill())
      const other = await createProctor({ grace: 20, leakTimeout: 20, containment: 'strict' })
      const sleeper = other.run('sleep', ['100'])
      await sleeper.running
      parentPort.postMessage([alone, await said(command.kill()), await said(sleeper.kill())])
`)}
    const worker = new Worker(code, { eval: true })
    const [answer] = await once(worker, 'message')
    console.log(JSON.stringify(answer))`
const refusedAsOwn = expect.stringMatching(new RegExp(`could not be ended:\\n.*${reason}`))
const doubt = `cannot be proven dead: what follows may be its own or another command’s.*\\n.*${reason}`
const refusedAsDoubt = expect.stringMatching(new RegExp(doubt))

test('an orphan that /proc hides from worker threads’ main thread is refused, with another fixture’s commands as a doubt', () => {
  const said = saidWhereHidden(
    inThread(`
      // It is hidden before it is an orphan.
      const line = 'setsid "$SETUID_ROOT" & until [ -e escapee.pid ]; do sleep 0.01; done'
      const command = proctor.run('sh', ['-c', line])
      await command.waitForExit()`),
  )
  expect(said).toEqual([refusedAsOwn, refusedAsDoubt, refusedAsDoubt])
})

test('an orphan that was seen before /proc hid it is no doubt', () => {
  const said = saidWhereHidden(
    inThread(`
      const line = 'until [ -e seen ]; do sleep 0.01; done; exec "$SETUID_ROOT"'
      const command = proctor.run('setsid', ['-f', 'sh', '-c', line])
      await command.waitForExit()
      await command.tree()
      await proctor.workspace.write('seen', '')
      await began()`),
  )
  expect(said).toEqual([refusedAsOwn, refusedAsOwn, 'resolved'])
})
