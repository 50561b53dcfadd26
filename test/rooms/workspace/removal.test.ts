import { execFileSync, spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { describeLeft, removeFolder } from '../../../src/workspace/removal.js'
import { forOthers, inRoot } from '../../inner-run.js'
import { eventually } from '../../machine.js'
import { missing } from '../../needs.js'
import { rounds } from '../../soak/rounds.js'

// Real folders, real mounts, and real programs that put something else in their place. Every test has something beside
// the folder, or behind it, that must not be touched.

const isRoot = process.getuid?.() === 0
const dist = forOthers(inRoot('dist/index.js'))

/** Whether a command works here. Mounts, file attributes and other users are not available everywhere. */
const works = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0
const canMount = missing('root', 'unshare') === undefined

/** A folder of this test's own, with something precious in it. */
function given(): { folder: string; precious: string; expectUntouched: () => void } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'units-removal-')))
  onTestFinished(() => {
    spawnSync('chattr', ['-R', '-i', '-a', folder], { stdio: 'ignore' })
    spawnSync('rm', ['-rf', folder])
  })
  chmodSync(folder, 0o777)
  const precious = join(folder, 'precious')
  mkdirSync(precious)
  writeFileSync(join(precious, 'file'), 'untouched')
  return {
    folder,
    precious,
    expectUntouched: () => {
      expect(readdirSync(precious)).toEqual(['file'])
      expect(readFileSync(join(precious, 'file'), 'utf8')).toBe('untouched')
    },
  }
}

/**
 * Runs a program that makes a fixture of the built package, does something in its workspace, and tears it down. Returns
 * what the teardown reported, and the workspace if it is still there.
 */
function tearDownAfter(
  folder: string,
  action: string,
  { wrapper = [], env = {} }: { wrapper?: readonly string[]; env?: NodeJS.ProcessEnv } = {},
): { said: string; stays: string | undefined; files: string[] } {
  const script = `
    import { execFileSync } from 'node:child_process'
    import * as fs from 'node:fs'
    import { createProctor } from ${JSON.stringify(dist)}
    const proctor = await createProctor()
    const { path } = proctor.workspace
    ${action}
    const said = await proctor.teardown().then(() => '', (error) => error.name + ': ' + error.message)
    globalThis.afterwards?.()
    const stays = fs.existsSync(path) ? path : undefined
    const files = stays === undefined ? [] : execFileSync('find', [path, '-mindepth', '1', '-printf', '%P\\n'], { encoding: 'utf8' }).split('\\n').filter(Boolean)
    console.log(JSON.stringify({ said, stays, files }))`
  const command = [...wrapper, process.execPath, '--input-type=module', '-e', script]
  const output = execFileSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: process.env['PATH'], TMPDIR: folder, ...env },
    timeout: 25_000,
    killSignal: 'SIGKILL',
  })
  return JSON.parse(output)
}

const sh = (script: string): string =>
  `execFileSync('sh', ['-c', ${JSON.stringify(script)}], { cwd: path, stdio: 'inherit' })`

describe.each(['linux', 'portable'])('the removal of a workspace, %s', (table) => {
  const env = table === 'portable' ? { PROCTOR_PROCESS_TABLE: 'portable' } : {}

  // More than a path can name, and than a process may have open.
  const levels = rounds(3000, 1100)

  test(`goes ${levels} levels down`, { timeout: 60_000 }, () => {
    const { folder, expectUntouched } = given()
    const deep = `const start = process.cwd(); process.chdir(path)
      for (let level = 0; level < ${levels}; level += 1) { fs.mkdirSync('level-' + level); fs.writeFileSync('file', ''); process.chdir('level-' + level) }
      process.chdir(start)`
    expect(tearDownAfter(folder, deep, { env })).toEqual({ said: '', files: [] })
    // The last guardian removes this user's own folder.
    expect(readdirSync(folder).filter((name) => !/^(?:precious|proctor-\d+)$/.test(name))).toEqual([])
    expectUntouched()
  })

  test('removes names that are not text, FIFOs, sockets, links and read-only folders', () => {
    const { folder, precious, expectUntouched } = given()
    const odd = `
      for (const name of [Buffer.from([0xff, 0xfe, 0x0a]), Buffer.from('new\\nline'), Buffer.from('-rf'), Buffer.from(' ')])
        fs.mkdirSync(Buffer.concat([Buffer.from(path + '/'), name]))
      fs.writeFileSync(Buffer.concat([Buffer.from(path + '/'), Buffer.from([0xff, 0xfe, 0x0a, 0x2f, 0xc3])]), '')
      fs.symlinkSync(${JSON.stringify(precious)}, path + '/link')
      ${sh('mkfifo fifo; mkdir -p a/b/c; echo x >a/b/c/d; ln -s / a/root; chmod 000 a/b/c; chmod 555 a/b a; chmod 500 .')}`
    expect(tearDownAfter(folder, odd, { env })).toEqual({ said: '', files: [] })
    // The permissions of folders do not stop root, so this runs as another user.
    const wrapper = isRoot ? ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] : []
    expect(tearDownAfter(folder, odd, { env, wrapper })).toEqual({ said: '', files: [] })
    expectUntouched()
  })

  test.skipIf(!canMount)('crosses no mount, and names what is mounted', () => {
    const { folder, precious, expectUntouched } = given()
    const mounts = sh(
      `mkdir -p rootfs/home tmp beside/x; mount -t tmpfs tmpfs tmp; echo x >tmp/file; echo y >beside/x/y; mount --bind ${precious} rootfs/home`,
    )
    const wrapper = ['unshare', '--mount', '--propagation', 'private']
    const { said, stays, files } = tearDownAfter(folder, mounts, { wrapper, env })
    expectUntouched()
    const [onTmp, onHome] = table === 'linux' ? [/tmpfs/, /\S.*precious/] : [/a file system/, /a file system/]
    expect(said).toMatch(/^WorkspaceError: The workspace cannot be removed: /)
    expect(said).toMatch(new RegExp(`tmp: ${onTmp.source} is mounted on it`))
    expect(said).toMatch(new RegExp(`rootfs/home: ${onHome.source} is mounted on it`))
    expect(said).toContain(`It stays: ${stays}`)
    expect(files.toSorted()).toEqual(['rootfs', 'rootfs/home', 'rootfs/home/file', 'tmp', 'tmp/file'])
  })
})

test.skipIf(!canMount || missing('cc') !== undefined)(
  'a mount whose file system hangs is named, and not waited for',
  () => {
    const { folder } = given()
    const hung = join(folder, 'hung')
    onTestFinished(() => void spawnSync('pkill', ['-KILL', '-f', hung]))
    execFileSync('cc', ['-o', hung, inRoot('fixtures/programs/faults/hung-file-system.c')])
    // It is none of the fixture's commands, and lives until the teardown is over.
    const mount = `
    fs.mkdirSync(path + '/a/b', { recursive: true })
    const { spawn } = await import('node:child_process')
    const { once } = await import('node:events')
    const system = spawn(${JSON.stringify(hung)}, [path + '/a/b'], { stdio: ['ignore', 'pipe', 'ignore'] })
    const [stranger] = await once(system.stdout, 'data')
    globalThis.afterwards = () => {
      for (const pid of [system.pid, Number(stranger)]) process.kill(pid, 'SIGKILL')
      execFileSync('umount', ['--lazy', path + '/a/b'])
    }
    system.unref()
    system.stdout.destroy()`
    const wrapper = ['unshare', '--mount', '--propagation', 'private']
    expect(tearDownAfter(folder, mount, { wrapper }).said).toMatch(/: a\/b: fuse hung is mounted on it/)
  },
)

test.skipIf(!canMount)('a file, the workspace itself and a read-only file system as mounts stay and are named', () => {
  const { folder, precious, expectUntouched } = given()
  const wrapper = ['unshare', '--mount', '--propagation', 'private']
  const onFile = tearDownAfter(folder, sh(`touch a; mount --bind ${precious}/file a`), { wrapper })
  expect(onFile.said).toMatch(/: a: \S.*precious\/file is mounted on it\. It stays: /)
  const onItself = tearDownAfter(folder, sh(`mount --bind ${precious} "$PWD"`), { wrapper })
  expect(onItself.said).toMatch(/cannot be removed: \S.*precious is mounted on it\. It stays: /)
  const readOnly = tearDownAfter(
    folder,
    sh(`mkdir a; echo x >a/b; mount --bind "$PWD" "$PWD"; mount -o remount,bind,ro "$PWD"`),
    { wrapper },
  )
  expect(readOnly.said).toMatch(/is mounted on it|read-only/)
  expectUntouched()
})

test.skipIf(!canMount)('an overlay in the workspace stays, with its layers', () => {
  const { folder, precious, expectUntouched } = given()
  const wrapper = ['unshare', '--mount', '--propagation', 'private']
  // The layers lie on a tmpfs, because an overlay cannot be the upper layer of another overlay, and this machine's own
  // file system may be one.
  const layers = `mkdir u; mount -t tmpfs tmpfs u; cd u; mkdir upper work merged; mount -t overlay overlay -o lowerdir=${precious},upperdir=upper,workdir=work merged`
  expect(tearDownAfter(folder, sh(layers), { wrapper }).said).toMatch(/: u: tmpfs is mounted on it/)
  expectUntouched()
})

test('without a free descriptor it stays, is named with the reason, and goes when the worker has ended', async () => {
  const { folder, precious, expectUntouched } = given()
  const script = `
    import * as fs from 'node:fs'
    import { createProctor } from ${JSON.stringify(dist)}
    for (let left = 0; left < 6; left += 1) {
      const proctor = await createProctor()
      await proctor.workspace.write({ 'a/b/c': 'x', d: 'y' })
      fs.symlinkSync(${JSON.stringify(precious)}, proctor.workspace.path + '/a/link')
      const held = []
      try { for (;;) held.push(fs.openSync('/dev/null', 'r')) } catch {}
      for (const descriptor of held.splice(0, left)) fs.closeSync(descriptor)
      const said = await proctor.teardown().then(() => 'removed', (error) => error.name + ': ' + error.message)
      for (const descriptor of held) fs.closeSync(descriptor)
      console.log(fs.existsSync(proctor.workspace.path) ? said : said === 'removed' ? said : 'it has gone, and ' + said)
    }`
  const command = ['ulimit -n 64; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script]
  const env = { PATH: process.env['PATH'], TMPDIR: folder }
  const lines = execFileSync('sh', ['-c', ...command], { encoding: 'utf8', cwd: '/', env }).split('\n')
  // How many descriptors are needed is not promised: none is too few, and five are enough.
  expect(lines[0]).toMatch(/^WorkspaceError: The workspace cannot be removed: .*EMFILE.*It stays: \/.*\/proctor-\S+$/)
  expect(lines[5]).toBe('removed')
  for (const line of lines.slice(1, 5)) expect(line).toMatch(/^removed$|EMFILE.*It stays: /)
  await eventually(() => (readdirSync(folder).join() === 'precious' ? true : undefined), 'the end of the guardian')
  expectUntouched()
})

test.skipIf(!canMount)('on a full disk it goes all the same', () => {
  const { folder } = given()
  const small = 'mount -t tmpfs -o size=256k tmpfs "$TMPDIR" && exec "$@"'
  const fill = `fs.mkdirSync(path + '/a'); try { for (let file = 0; ; file += 1) fs.writeFileSync(path + '/a/' + file, Buffer.alloc(4096)) } catch (error) { if (error.code !== 'ENOSPC') throw error }`
  const wrapper = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', small, 'sh']
  for (const env of [{}, { PROCTOR_PROCESS_TABLE: 'portable' }]) {
    expect(tearDownAfter(folder, fill, { wrapper, env })).toEqual({ said: '', files: [] })
  }
})

test.skipIf(!isRoot)('an immutable file, and one that is append-only, stay and are named', (context) => {
  const { folder, expectUntouched } = given()
  writeFileSync(join(folder, 'tried'), '')
  if (!works('chattr', '+i', join(folder, 'tried'))) context.skip('no chattr(1), or no attributes on this file system')
  const { said, files } = tearDownAfter(
    folder,
    sh('mkdir a b; echo x >a/file; echo y >a/log; echo z >b/file; chattr +i a/file; chattr +a a/log'),
  )
  expect(said).toMatch(/a\/(?:file|log): it or its folder is immutable or append-only \(see lsattr\)/)
  expect(files.toSorted()).toEqual(['a', 'a/file', 'a/log'])
  expectUntouched()
})

test.skipIf(!isRoot)('what another user has made in it stays for an ordinary user, and is named', () => {
  const { folder, expectUntouched } = given()
  const ready = join(folder, 'path')
  const wait = `fs.writeFileSync(${JSON.stringify(ready)}, path); while (!fs.existsSync(path + '/others')) execFileSync('sleep', ['0.01'])`
  // The helper runs as root, and puts a folder of its own into the user's workspace.
  const helper = spawn('sh', [
    '-c',
    `until [ -s ${ready} ]; do sleep 0.01; done; p=$(cat ${ready}); mkdir "$p/new"; echo x >"$p/new/file"; mv "$p/new" "$p/others"`,
  ])
  onTestFinished(() => void helper.kill())
  const wrapper = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
  const { said, files } = tearDownAfter(folder, wait, { wrapper })
  expect(said).toMatch(/others\/file: there is no permission to remove it/)
  expect(files).toContain('others/file')
  expectUntouched()
})

test('a folder that is swapped for a link while it is gone through is not left through the link', async () => {
  const { folder, precious, expectUntouched } = given()
  for (let round = 0; round < rounds(20, 2); round += 1) {
    const workspace = join(folder, `round-${round}`)
    mkdirSync(join(workspace, 'swapped'), { recursive: true })
    for (let file = 0; file < 400; file += 1) writeFileSync(join(workspace, 'swapped', `file-${file}`), '')
    symlinkSync(precious, join(workspace, 'link'))
    // Swaps two names as fast as possible: with renameat2(RENAME_EXCHANGE) where mv has --exchange, and with three
    // renames elsewhere.
    const swap = `cd ${workspace} || exit; while [ -e swapped ]; do mv -T swapped hidden; mv -T link swapped; mv -T swapped link; mv -T hidden swapped; done 2>/dev/null`
    const swapper = spawn('sh', ['-c', swap], { stdio: 'ignore' })
    const ended = new Promise((resolve) => void swapper.once('exit', resolve))
    await removeFolder(workspace)
    swapper.kill('SIGKILL')
    await ended
    rmSync(workspace, { recursive: true, force: true })
    expectUntouched()
  }
})

test('a unix socket and an empty folder are removed, and a missing folder is not an error', async () => {
  const { folder, expectUntouched } = given()
  const workspace = join(folder, 'workspace')
  mkdirSync(join(workspace, 'empty'), { recursive: true })
  const server = createServer()
  await new Promise<void>((resolve) => void server.listen(join(workspace, 'socket'), resolve))
  expect(await removeFolder(workspace)).toEqual([])
  await new Promise((resolve) => void server.close(resolve))
  expect(existsSync(workspace)).toBe(false)
  expect(await removeFolder(workspace)).toEqual([])
  expectUntouched()
})

test.skipIf(!isRoot)('a folder of another user in its place stays', async () => {
  const { folder, expectUntouched } = given()
  const workspace = join(folder, 'workspace')
  mkdirSync(join(workspace, 'theirs'), { recursive: true })
  execFileSync('chown', ['-R', '65534', workspace])
  expect(await removeFolder(workspace)).toEqual([
    { path: workspace, reason: 'it is not what was made there (it belongs to the user 65534)' },
  ])
  expect(existsSync(join(workspace, 'theirs'))).toBe(true)
  expectUntouched()
})

test('a name with control characters is escaped where it is said that it stays', () => {
  expect(describeLeft([{ path: '/w/a\nb\u0008', reason: 'busy' }], '/w')).toBe('a^Jb^H: busy')
})
