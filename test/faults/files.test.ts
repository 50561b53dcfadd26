import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { takeTurn } from '../escapes/turn.js'
import { dist } from '../inner-run.js'
import { eventually } from '../machine.js'
import { needs } from '../needs.js'
import { givenShared, own, run } from './shared.js'

// The files that the package relies on, in a temporary folder that two users share.

const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']

const tryToMake = `await createProctor().then(
  async (proctor) => { console.log(proctor.workspace.path); await proctor.teardown() },
  (error) => console.log(error.name + ': ' + error.message))`

const sweep = (folder: string): { stdout: string; stderr: string; status: number | null } =>
  spawnSync(process.execPath, [join(dist, 'cli.cjs'), 'sweep', '--json'], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
  })

test('a temporary folder that is not there is a sentence of the command line too', () => {
  const sentence = 'TMPDIR is "/nowhere", and there is no such folder: make it, or let TMPDIR name another one.'
  expect(sweep('/nowhere')).toMatchObject({ status: 1, stderr: `proctor: Nothing can be told here. ${sentence}\n` })
})

test('its own folder belongs to this user, and is removed with the last record', async () => {
  const folder = givenShared()
  const script = `
    import { lstatSync, readdirSync } from 'node:fs'
    const proctor = await createProctor()
    const { mode, uid } = lstatSync(${JSON.stringify(own(folder))})
    const [name] = readdirSync(${JSON.stringify(own(folder))})
    console.log((mode & 0o7777).toString(8), uid === process.geteuid(), (lstatSync(${JSON.stringify(own(folder))} + '/' + name).mode & 0o777).toString(8))
    await proctor.teardown()`
  expect(run(folder, script)).toBe('700 true 600\n')
  await eventually(() => (readdirSync(folder).length === 0 ? true : undefined), 'the folder is empty')
})

describe('an impostor in the place of its own folder is an error that says so', () => {
  const expectRefused = (folder: string, found: string): void => {
    const sentence = `${own(folder)} is to be a folder of the user ${process.geteuid!()} with mode 700, for proctor's own records, and it ${found}. Remove it, or set TMPDIR to a folder in which nobody else can make files.`
    expect(run(folder, tryToMake)).toBe(`WorkspaceError: ${sentence}\n`)
    expect(sweep(folder)).toMatchObject({ status: 1, stderr: `proctor: Nothing can be told here. ${sentence}\n` })
  }

  test('a folder that others can write to', () => {
    const folder = givenShared()
    mkdirSync(own(folder))
    chmodSync(own(folder), 0o777)
    expectRefused(folder, 'has the mode 777, so others can get in')
  })

  test('a link, and a file', () => {
    const folder = givenShared()
    symlinkSync('/tmp', own(folder))
    expectRefused(folder, 'is a symbolic link')
    const other = givenShared()
    writeFileSync(own(other), '')
    expectRefused(other, 'is no folder')
  })

  test('another user’s folder', () => {
    needs('root', 'setpriv')
    const folder = givenShared()
    execFileSync(asNobody[0]!, [...asNobody.slice(1), 'mkdir', '-m', '700', own(folder)])
    expectRefused(folder, 'belongs to the user 65534')
  })
})

/** Makes another user's folder with a name like ours, and swaps what is in it for a link, as fast as possible. */
function givenSwapper(folder: string, name: string, precious: string): { child: ChildProcess; path: string } {
  const path = join(folder, name)
  const script = `mkdir -m 777 "$1" && cd "$1" && mkdir sub && touch sub/file && ln -s "$2" link && while :; do mv -T sub hidden; mv -T link sub; mv -T sub link; mv -T hidden sub; done 2>/dev/null`
  const child = spawn(asNobody[0]!, [...asNobody.slice(1), 'sh', '-c', script, 'sh', path, precious], {
    stdio: 'ignore',
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, path }
}

test(
  'what another user names like an abandoned workspace is left alone, and no link in it is followed',
  { timeout: 90_000 },
  async () => {
    needs('root', 'setpriv')
    const folder = givenShared()
    const precious = join(folder, 'precious')
    mkdirSync(precious)
    writeFileSync(join(precious, 'file'), 'untouched')
    // A record of a dead worker of ours, whose workspaces would have such names. An empty folder of this user's is
    // removed at the end by whatever looks for it.
    const owner = { pid: 4_194_304, startTime: 1, ...placeOf(folder) }
    mkdirSync(own(folder), { mode: 0o700 })
    writeFileSync(
      join(own(folder), 'aaaaa.record'),
      `${JSON.stringify({ id: 'aaaaa', owner, run: '0', mark: 'abcdef' })}\n`,
    )
    mkdirSync(join(folder, 'proctor-aaaaa001', 'ours'), { recursive: true })
    const old = `proctor-4194304-1-${owner.boot}-${owner.namespace}-${owner.user}-0123456789abcdef`
    const swappers = [givenSwapper(folder, 'proctor-aaaaa000', precious), givenSwapper(folder, old, precious)]
    await eventually(() => (swappers.every(({ path }) => existsSync(path)) ? true : undefined), 'both folders')
    for (let round = 0; round < 3; round += 1) sweep(folder)
    // The swappers go on swapping their own folders: each path becomes a folder again and again.
    for (const { path } of swappers) {
      const isFolder = (): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
      expect(await eventually(() => (isFolder() ? true : undefined), `${path} is there`, 5000)).toBe(true)
    }
    for (const { child } of swappers) child.kill('SIGKILL')
    expect(readFileSync(join(precious, 'file'), 'utf8')).toBe('untouched')
    // What is ours has gone.
    expect(existsSync(join(folder, 'proctor-aaaaa001'))).toBe(false)
  },
)

/** The boot, pid namespace and user that a record made on this machine contains. */
function placeOf(folder: string): { boot: string; namespace: string; user: number } {
  const script = `
    import { readdirSync, readFileSync } from 'node:fs'
    const proctor = await createProctor()
    const own = ${JSON.stringify(own(folder))}
    const record = readdirSync(own).find((name) => name !== 'aaaaa.record')
    console.log(readFileSync(own + '/' + record, 'utf8').split('\\n')[0])
    await proctor.teardown()`
  const { boot, namespace, user } = (
    JSON.parse(run(folder, script)) as { owner: { boot: string; namespace: string; user: number } }
  ).owner
  return { boot, namespace, user }
}

test('a file that another user has named like a draft of a trace is not used', async () => {
  needs('root', 'setpriv')
  const folder = givenShared()
  const target = join(folder, 'target')
  const script = `
    import { readdirSync } from 'node:fs'
    const proctor = await createProctor({ trace: 'on', traceDir: ${JSON.stringify(join(folder, 'traces'))} })
    await proctor.run('true').waitForExit()
    // It is begun a moment later. The worker dies in the very turn of the event loop that follows.
    const isBegun = () => readdirSync(${JSON.stringify(own(folder))}).some((name) => name.endsWith('.html'))
    while (!isBegun()) await new Promise(setImmediate)
    process.kill(process.pid, 'SIGKILL')`
  const guess = `for name in proctor-trace-1-0123456789abcdef-1.html aaaaa-1.html proctor-aaaaa000; do printf '#to ${target}\\n' >${folder}/$name; done; printf x >${own(folder)}/x`
  spawnSync(asNobody[0]!, [...asNobody.slice(1), 'sh', '-c', guess])
  run(folder, script)
  const traces = (): string[] => (existsSync(join(folder, 'traces')) ? readdirSync(join(folder, 'traces')) : [])
  await eventually(() => (traces().length > 0 ? true : undefined), 'the guardian keeps the trace')
  expect(existsSync(target)).toBe(false)
  expect(traces()).toHaveLength(1)
})

test('a socket fits into a workspace below a long TMPDIR, and a path that fits none is an error at once', () => {
  const base = givenShared()
  const folder = join(base, 'x'.repeat(Math.max(1, 56 - base.length)))
  mkdirSync(folder)
  const script = `
    import { createServer } from 'node:net'
    const proctor = await createProctor()
    const path = proctor.workspace.resolve('a-server-of-mine.sock')
    const server = createServer().listen(path, async () => {
      server.close()
      const command = proctor.run('sleep', ['1000'])
      const error = await command.waitForPort(proctor.workspace.resolve('x'.repeat(100))).catch((error) => error)
      console.log(error.name, error.message)
      await command.kill()
      await proctor.teardown()
    })`
  expect(run(folder, script)).toMatch(
    /^TypeError waitForPort: the path has 1\d\d bytes, and no unix socket can be there: accepted are at most 10[37]\./,
  )
})

test('a program on a file system that is mounted with noexec is said to be there', () => {
  needs('root', 'unshare', 'mount')
  const script = `
    import { execFileSync } from 'node:child_process'
    import { chmodSync, writeFileSync } from 'node:fs'
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'noexec', 'tmpfs', process.env.TMPDIR])
    const proctor = await createProctor()
    const file = proctor.workspace.resolve('tool')
    writeFileSync(file, '#!/bin/sh')
    chmodSync(file, 0o755)
    await proctor.run('./tool').waitForExit().catch((error) => console.log(error.message))
    await proctor.teardown()`
  const output = run(givenShared(), script, {}, ['unshare', '--mount', '--propagation', 'private'])
  expect(output).toContain('may not be executed: its file system may be mounted with noexec (EACCES)')
})

test('a full disk: the trace is said to have broken off, and no path of a file that is not there is printed', () => {
  needs('root', 'unshare', 'mount')
  const folder = givenShared()
  const script = `
    import { execFileSync } from 'node:child_process'
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', process.env.TMPDIR])
    const proctor = await createProctor({ trace: 'on', traceDir: '/tmp/never-kept' })
    await proctor.run('sh', ['-c', 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i + 1)); done']).waitForExit()
    await proctor.teardown()
    console.log('torn down')`
  const output = run(folder, script, {}, ['unshare', '--mount', '--propagation', 'private'])
  expect(output).toMatch(/proctor: the trace \S+ breaks off: /)
  expect(output).not.toMatch(/proctor: trace: /)
  expect(output).toContain('torn down')
})

test('a package or a program in a folder that the tests have gone to is not loaded', () => {
  const folder = givenShared()
  const foreign = join(folder, 'foreign')
  const proof = join(folder, 'proof')
  for (const name of ['@lydell/node-pty', '@xterm/headless']) {
    const path = join(foreign, 'node_modules', name)
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'package.json'), JSON.stringify({ name, version: '9.9.9', main: 'index.js' }))
    writeFileSync(
      join(path, 'index.js'),
      `require('fs').writeFileSync(${JSON.stringify(proof)}, ${JSON.stringify(name)})`,
    )
  }
  const binaries = join(foreign, 'node_modules', '.bin')
  mkdirSync(binaries)
  writeFileSync(join(binaries, 'true'), `#!/bin/sh\necho true >${proof}\n`, { mode: 0o755 })
  const script = `
    process.chdir(${JSON.stringify(foreign)})
    const proctor = await createProctor()
    await proctor.run('true', [], { terminal: true }).waitForExit()
    await proctor.run('true').waitForExit()
    await proctor.teardown()
    console.log('torn down')`
  expect(run(folder, script)).toBe('torn down\n')
  expect(existsSync(proof)).toBe(false)
})

test('freePort finds one although another user holds every name of its lock', { timeout: 90_000 }, async (context) => {
  needs('root', 'setpriv')
  onTestFinished(await takeTurn('ports'))
  const folder = givenShared()
  const squat = `
    const { createServer } = require('node:net')
    let open = 0
    const names = process.argv.slice(1).map(Number)
    const next = (port) => {
      if (port >= names[1]) return console.log('held')
      createServer().once('error', () => next(port + 1)).listen({ path: ('\\0proctor-port-' + port).padEnd(108, '.') }, () => next(port + 1))
    }
    next(names[0])`
  const last = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1'), 10)
  const limited = `ulimit -n ${last - 20_000 + 200} && exec "$@"`
  const squatter = spawn('bash', [
    '-c',
    limited,
    'bash',
    ...asNobody,
    process.execPath,
    '-e',
    squat,
    '20000',
    String(last),
  ])
  onTestFinished(() => void squatter.kill('SIGKILL'))
  const held = await new Promise((resolve) => {
    squatter.stdout.once('data', () => resolve(true))
    squatter.once('exit', () => resolve(false))
  })
  if (held === false) context.skip('no process may have so many files here')
  expect(run(folder, 'console.log(await freePort())')).toMatch(/^2\d{4}\n$|^3\d{4}\n$/)
})

test('freePort without a free file descriptor says so, and blames nobody', () => {
  const script = `
    import fs from 'node:fs'
    await freePort()
    const open = []
    try { for (;;) open.push(fs.openSync('/dev/null')) } catch {}
    fs.closeSync(open.pop())
    await freePort().catch((error) => console.log(error.name + ': ' + error.message))
    for (const each of open) fs.closeSync(each)
    // Many at once take each other's descriptors, and give them back.
    await Promise.allSettled(Array.from({ length: 100 }, () => freePort()))
    console.log('then ' + (await freePort() > 0))`
  const limited = ['sh', '-c', 'ulimit -n 60; exec "$@"', 'sh']
  expect(run(givenShared(), script, {}, limited)).toMatch(
    /^ProctorError: No free port can be looked for: .*EMFILE.*\n(?:.*\n)*then true$/m,
  )
})
