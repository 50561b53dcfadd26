import { execFileSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { executable, symlink } from '../../../src/workspace/file-tree.js'
import { removeFolder } from '../../../src/workspace/removal.js'
import { readAbandonedRecords, readRecords, workspacesOf } from '../../../src/workspace/record.js'
import { thisOwner } from '../../../src/containment/owner.js'
import { forOthers, inRoot } from '../../inner-run.js'
import { needs } from '../../needs.js'
import { rounds } from '../../soak/rounds.js'
import { ended, givenProctor, rejection, shell } from '../given.js'

/** A folder outside every workspace, with a witness in it. */
function givenOutside(): string {
  const folder = mkdtempSync(join(tmpdir(), 'units-outside-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  writeFileSync(join(folder, 'witness.txt'), 'untouched')
  return folder
}

describe('a path', () => {
  test('is resolved in the workspace', async () => {
    const { workspace } = await givenProctor()
    expect(workspace.resolve()).toBe(workspace.path)
    expect(workspace.resolve('.')).toBe(workspace.path)
    expect(workspace.resolve('a', 'b.txt')).toBe(`${workspace.path}/a/b.txt`)
    expect(workspace.resolve('a/../b')).toBe(`${workspace.path}/b`)
    expect(workspace.resolve(`${workspace.path}/c`)).toBe(`${workspace.path}/c`)
    expect(workspace.resolve('..d')).toBe(`${workspace.path}/..d`)
  })

  test.each([
    ['../x', '"../x" leaves the workspace'],
    ['..', '".." leaves the workspace'],
    ['a/../../x', '"a/../../x" leaves the workspace'],
    ['/etc/passwd', '"/etc/passwd" leaves the workspace'],
    ['/', '"/" leaves the workspace'],
    ['out', '"out" leaves the workspace through a symbolic link, to'],
    ['out/witness.txt', '"out/witness.txt" leaves the workspace through a symbolic link, to'],
    ['out/new/file', '"out/new/file" leaves the workspace through a symbolic link, to'],
    ['witness', '"witness" leaves the workspace through a symbolic link, to'],
    ['dangling', '"dangling" leaves the workspace through a symbolic link, to'],
    ['dangling/x', '"dangling/x" leaves the workspace through a symbolic link, to'],
    ['twice', '"twice" leaves the workspace through a symbolic link, to'],
    ['parent/x', '"parent/x" leaves the workspace through a symbolic link, to'],
    ['a\0b', 'The path "a\\u0000b" holds a NUL byte.'],
  ])('%s is refused by everything', async (path, says) => {
    const outside = givenOutside()
    const proctor = await givenProctor()
    const { workspace } = proctor
    symlinkSync(outside, `${workspace.path}/out`)
    symlinkSync(`${outside}/witness.txt`, `${workspace.path}/witness`)
    symlinkSync(`${outside}/new.txt`, `${workspace.path}/dangling`)
    symlinkSync('dangling', `${workspace.path}/twice`)
    symlinkSync('..', `${workspace.path}/parent`)
    const attempts: (() => unknown)[] = [
      () => workspace.resolve(path),
      () => workspace.read(path),
      () => workspace.exists(path),
      () => workspace.write(path, 'no'),
      () => workspace.write({ [path]: 'no' }),
      () => workspace.write({ [path]: executable('no') }),
      () => workspace.write({ [path]: { deeper: 'no' } }),
      // An absolute path is valid as the working directory: it is a folder of the test's own.
      ...(path.startsWith('/') ? [] : [() => proctor.run('true', [], { cwd: path })]),
    ]
    for (const attempt of attempts) {
      const error = await rejection(attempt)
      expect(error).toMatchObject({ name: 'WorkspaceError', path })
      expect(error.message).toContain(says)
    }
    expect(readFileSync(`${outside}/witness.txt`, 'utf8')).toBe('untouched')
    expect(existsSync(`${outside}/new.txt`)).toBe(false)
    expect(proctor.processes).toEqual([])
  })

  test('a link is made where it is, also in place of none that leads out', async () => {
    const outside = givenOutside()
    const { workspace } = await givenProctor()
    symlinkSync(outside, `${workspace.path}/out`)
    expect(await rejection(workspace.write({ 'out/link': symlink('x') }))).toMatchObject({ name: 'WorkspaceError' })
    expect(await rejection(workspace.write({ '../link': symlink('x') }))).toMatchObject({ name: 'WorkspaceError' })
    expect(await rejection(workspace.write({ out: symlink('x') }))).toMatchObject({
      name: 'WorkspaceError',
      message: expect.stringContaining('Cannot make the link "out" in the workspace: EEXIST'),
    })
    expect(existsSync(`${outside}/link`)).toBe(false)
  })

  test('circular links are an error, not an endless loop', async () => {
    const { workspace } = await givenProctor()
    await workspace.write({ a: symlink('b'), b: symlink('a'), self: symlink('self') })
    expect(await workspace.exists('a')).toBe(false)
    for (const path of ['a', 'self']) {
      expect(await rejection(workspace.read(path))).toMatchObject({ name: 'WorkspaceError' })
      expect(await rejection(workspace.write(path, 'x'))).toMatchObject({ name: 'WorkspaceError' })
    }
  })

  test('is a string', async () => {
    const { workspace } = await givenProctor()
    for (const [path, said] of [
      [5, 'number'],
      [null, 'null'],
      [undefined, 'undefined'],
      [['a'], 'an array'],
    ] as const) {
      expect(() => workspace.resolve(path as unknown as string)).toThrow(
        new TypeError(`A path is a string, not ${said}.`),
      )
      expect(await rejection(workspace.read(path as unknown as string))).toBeInstanceOf(TypeError)
      expect(await rejection(workspace.exists(path as unknown as string))).toBeInstanceOf(TypeError)
    }
  })
})

describe('writing', () => {
  test('a tree: text, bytes, executables, links, folders of them', async () => {
    const proctor = await givenProctor()
    const { workspace } = proctor
    await workspace.write({
      'a.txt': 'text',
      'b.bin': Uint8Array.from([0, 255]),
      'bin/hello': executable('#!/bin/sh\necho hello from "$0"\n'),
      folder: { 'c.txt': 'c', deeper: { 'd.txt': 'd' } },
      empty: {},
      link: symlink('a.txt'),
      'folder/up': symlink('../a.txt'),
      nowhere: symlink('not/there'),
    })
    expect(await workspace.list()).toEqual([
      'a.txt',
      'b.bin',
      'bin/hello',
      'folder/c.txt',
      'folder/deeper/d.txt',
      'folder/up',
      'link',
      'nowhere',
    ])
    expect(await workspace.read('link')).toBe('text')
    expect(await workspace.read('folder/up')).toBe('text')
    expect([...readFileSync(workspace.resolve('b.bin'))]).toEqual([0, 255])
    expect(await workspace.exists('empty')).toBe(true)
    expect(await workspace.exists('nowhere')).toBe(false)
    expect(statSync(workspace.resolve('bin/hello')).mode & 0o777).toBe(0o755)
    expect(statSync(workspace.resolve('a.txt')).mode & 0o111).toBe(0)
    expect((await proctor.run('./hello', [], { cwd: 'bin' }).waitForSuccessfulExit()).stdout).toBe(
      'hello from ./hello\n',
    )
  })

  test('one file, over an older one, through a link that stays inside', async () => {
    const { workspace } = await givenProctor()
    await workspace.write('deep/down/a.txt', 'longer than before')
    await workspace.write('deep/down/a.txt', 'short')
    expect(await workspace.read('deep/down/a.txt')).toBe('short')
    await workspace.write({ link: symlink('deep/down/a.txt'), fresh: symlink('deep/new.txt') })
    await workspace.write('link', 'through')
    await workspace.write('fresh', 'made')
    expect(await workspace.read('deep/down/a.txt')).toBe('through')
    expect(await workspace.read('deep/new.txt')).toBe('made')
    await workspace.write('deep/down/a.txt', executable('#!/bin/sh').content)
  })

  test('names with spaces, newlines, quotes, emoji, dots and dashes', async () => {
    const proctor = await givenProctor()
    const names = [
      'a b',
      'new\nline',
      "it's",
      '"quoted"',
      '🙂',
      '-rf',
      '$HOME',
      '...',
      'ünï',
      '\ttab',
      'back\\slash',
      '*',
    ]
    await proctor.workspace.write(Object.fromEntries(names.map((name) => [name, name])))
    expect(await proctor.workspace.list()).toEqual(names.toSorted())
    for (const name of names) expect(await proctor.workspace.read(name)).toBe(name)
    await proctor.workspace.write({ 'fold er\n🙂': { tool: executable('#!/bin/sh\npwd') } })
    const { stdout } = await proctor.run('./tool', [], { cwd: 'fold er\n🙂' }).waitForSuccessfulExit()
    expect(stdout).toBe(`${proctor.workspace.path}/fold er\n🙂\n`)
    await proctor.teardown()
    expect(existsSync(proctor.workspace.path)).toBe(false)
  })

  const folders = rounds(100, 20)

  test(`${folders * 100} files, in a tree, and their removal`, { timeout: 120_000 }, async () => {
    const proctor = await givenProctor()
    const tree = Object.fromEntries(
      Array.from({ length: folders }, (_, folder) => [
        `folder-${folder}`,
        Object.fromEntries(Array.from({ length: 100 }, (__, file) => [`file-${file}.txt`, `${folder}.${file}`])),
      ]),
    )
    await proctor.workspace.write(tree)
    const files = await proctor.workspace.list()
    expect(files).toHaveLength(folders * 100)
    expect(new Set(files).size).toBe(folders * 100)
    expect(await proctor.workspace.read('folder-12/file-17.txt')).toBe('12.17')
    await proctor.teardown()
    expect(existsSync(proctor.workspace.path)).toBe(false)
  })

  test.each([
    [{ a: 5 }, '"a" is number. Accepted are text, bytes, executable(…), symlink(…) and folders of them.'],
    [{ a: null }, '"a" is null.'],
    [{ a: undefined }, '"a" is undefined.'],
    [{ a: { b: ['x'] } }, '"a/b" is an array.'],
    [{ a: () => 'x' }, '"a" is function.'],
    [null, 'takes a tree of files or a path and its content, not null.'],
    [['a'], 'takes a tree of files or a path and its content, not an array.'],
    [5, 'takes a tree of files or a path and its content, not number.'],
  ])('%o is refused', async (tree, says) => {
    const { workspace } = await givenProctor()
    const error = await rejection(workspace.write(tree as never))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toContain(says)
  })

  test('invalid content', async () => {
    const { workspace } = await givenProctor()
    for (const content of [undefined, null, 5, {}]) {
      expect(await rejection(workspace.write('a', content as never))).toBeInstanceOf(TypeError)
    }
    expect(await workspace.exists('a')).toBe(false)
    for (const content of [undefined, null, 5, {}]) {
      expect(() => executable(content as never)).toThrow(/^executable\(…\): content is a string or bytes, not /)
      expect(() => symlink(content as never)).toThrow(/^symlink\(…\): the target is a path, not /)
    }
    expect(await workspace.exists('a')).toBe(false)
  })

  test('a file that cannot be written is an error that says why', async () => {
    const { workspace } = await givenProctor()
    await workspace.write({ folder: {}, file: 'x' })
    execFileSync('mkfifo', [workspace.resolve('fifo')])
    const said = async (path: string): Promise<string> => (await rejection(workspace.write(path, 'x'))).message
    expect(await said('folder')).toMatch(/^Cannot write "folder" in the workspace: EISDIR/)
    expect(await said('file/below')).toMatch(/^Cannot write "file\/below" in the workspace: (?:EEXIST|ENOTDIR)/)
    expect(await said('.')).toBe('"." is the workspace itself, not a file.')
    expect(await said('x'.repeat(300))).toMatch(/ENAMETOOLONG/)
    // Nobody reads from it, so opening it for writing would block for ever.
    expect(await said('fifo')).toMatch(/^Cannot write "fifo" in the workspace: ENXIO/)
  })
})

describe('reading', () => {
  test('a missing file, and a folder', async () => {
    const { workspace } = await givenProctor()
    await workspace.write({ folder: {} })
    expect(await rejection(workspace.read('none'))).toMatchObject({
      name: 'WorkspaceError',
      path: 'none',
      message: expect.stringMatching(/^Cannot read "none" in the workspace: ENOENT/),
      cause: { code: 'ENOENT' },
    })
    expect((await rejection(workspace.read('folder'))).message).toMatch(/EISDIR/)
    expect(await workspace.exists('none/below')).toBe(false)
    expect(await workspace.list()).toEqual([])
  })
})

describe('copyFrom', () => {
  test('copies a folder: files, modes, links, over what is there', async () => {
    const outside = givenOutside()
    mkdirSync(join(outside, 'sub'))
    writeFileSync(join(outside, 'sub', 'tool'), '#!/bin/sh\n', { mode: 0o755 })
    symlinkSync('../witness.txt', join(outside, 'sub', 'link'))
    symlinkSync('/etc/hostname', join(outside, 'absolute'))
    const { workspace } = await givenProctor()
    await workspace.write({ 'witness.txt': 'older', 'own.txt': 'stays' })
    await workspace.copyFrom(outside)
    expect(await workspace.list()).toEqual(['absolute', 'own.txt', 'sub/link', 'sub/tool', 'witness.txt'])
    expect(await workspace.read('witness.txt')).toBe('untouched')
    expect(await workspace.read('sub/link')).toBe('untouched')
    expect(statSync(workspace.resolve('sub/tool')).mode & 0o777).toBe(0o755)
    expect(lstatSync(`${workspace.path}/absolute`).isSymbolicLink()).toBe(true)
  })

  test('writes through no link that leads out', async () => {
    const source = givenOutside()
    mkdirSync(join(source, 'folder'))
    writeFileSync(join(source, 'folder', 'new.txt'), 'no')
    const outside = givenOutside()
    for (const name of ['folder', 'witness.txt']) {
      const { workspace } = await givenProctor()
      symlinkSync(name === 'folder' ? outside : join(outside, 'witness.txt'), `${workspace.path}/${name}`)
      writeFileSync(join(source, 'witness.txt'), 'overwritten')
      await workspace.copyFrom(source).catch(() => {})
      expect(readFileSync(join(outside, 'witness.txt'), 'utf8')).toBe('untouched')
      expect(existsSync(join(outside, 'new.txt'))).toBe(false)
    }
  })

  test('from something that is not a folder', async () => {
    const outside = givenOutside()
    const { workspace } = await givenProctor()
    expect(await rejection(workspace.copyFrom(`${outside}/none`))).toMatchObject({
      name: 'WorkspaceError',
      message: `copyFrom: ${outside}/none does not exist.`,
    })
    expect(await rejection(workspace.copyFrom(`${outside}/witness.txt`))).toMatchObject({
      message: `copyFrom: ${outside}/witness.txt is no folder.`,
    })
    expect(await rejection(workspace.copyFrom(undefined as never))).toBeInstanceOf(TypeError)
  })
})

describe('removal', () => {
  test('follows no link out', async () => {
    const outside = givenOutside()
    const proctor = await givenProctor()
    symlinkSync(outside, `${proctor.workspace.path}/out`)
    symlinkSync(`${outside}/witness.txt`, `${proctor.workspace.path}/witness`)
    mkdirSync(`${proctor.workspace.path}/read-only`)
    symlinkSync(outside, `${proctor.workspace.path}/read-only/out`)
    execFileSync('chmod', ['555', `${proctor.workspace.path}/read-only`])
    const { mode } = statSync(outside)
    await proctor.teardown()
    expect(existsSync(proctor.workspace.path)).toBe(false)
    expect(readFileSync(`${outside}/witness.txt`, 'utf8')).toBe('untouched')
    expect(statSync(outside).mode).toBe(mode)
  })

  test('of a link removes the link', async () => {
    const outside = givenOutside()
    const { workspace } = await givenProctor()
    symlinkSync(outside, `${workspace.path}/out`)
    await removeFolder(`${workspace.path}/out`)
    expect(existsSync(`${workspace.path}/out`)).toBe(false)
    expect(existsSync(outside)).toBe(true)
  })

  test('of a folder that a command has removed is not an error', async () => {
    const proctor = await givenProctor()
    await ended(shell(proctor, 'rm -rf "$PWD"'))
    await proctor.teardown()
    expect(existsSync(proctor.workspace.path)).toBe(false)
  })

  test('copes with read-only folders as an ordinary user', async () => {
    needs('root', 'setpriv')
    const folder = mkdtempSync(join(tmpdir(), 'units-user-'))
    onTestFinished(() => {
      rmSync(folder, { recursive: true, force: true })
    })
    execFileSync('chmod', ['777', folder])
    const script = `
      import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
      const { createProctor } = await import(${JSON.stringify(forOthers(inRoot('dist/index.js')))})
      const proctor = await createProctor()
      const { path } = proctor.workspace
      await proctor.run('sh', ['-c', 'mkdir -p a/b/c && echo x >a/b/c/file && echo y >a/file && chmod 000 a/b/c && chmod 555 a/b a && chmod 400 a/file && chmod 500 .']).waitForSuccessfulExit()
      await proctor.teardown()
      console.log(process.getuid(), existsSync(path))`
    const user = ['--reuid', '65534', '--regid', '65534', '--clear-groups']
    const output = execFileSync('setpriv', [...user, process.execPath, '--input-type=module', '-e', script], {
      encoding: 'utf8',
      cwd: '/',
      env: { PATH: process.env['PATH'], TMPDIR: folder },
    })
    expect(output).toBe('65534 false\n')
  })
})

describe('keepWorkspace', () => {
  test.each([
    ['never', 'passed', false],
    ['never', 'failed', false],
    ['on-failure', 'passed', false],
    ['on-failure', 'failed', true],
    ['on-failure', 'leaked', true],
    ['always', 'passed', true],
    ['always', 'failed', true],
  ] as const)('%s, the test %s: %s', async (keepWorkspace, outcome, isKept) => {
    const proctor = await givenProctor({ keepWorkspace, leakTimeout: 10 })
    await proctor.workspace.write('a.txt', 'text')
    if (outcome === 'leaked') await shell(proctor, 'setsid sleep 60 >/dev/null 2>&1 & exit 0').waitForExit()
    const { path } = proctor.workspace
    const kept = join(dirname(path), `kept-${basename(path)}`)
    onTestFinished(() => {
      rmSync(kept, { recursive: true, force: true })
    })
    const report = await proctor.teardown({ hasFailed: outcome === 'failed' }).catch((error: unknown) => error)
    expect(existsSync(path)).toBe(false)
    expect(existsSync(kept)).toBe(isKept)
    expect(existsSync(join(kept, 'a.txt'))).toBe(isKept)
    const said = { name: 'LeakedProcessError' }
    expect(report).toMatchObject(outcome === 'leaked' ? said : isKept ? { keptWorkspace: kept } : { commands: [] })
    expect(readRecords().flatMap(workspacesOf)).not.toContain(kept)
  })
})

describe('the folder’s name', () => {
  test('has 16 characters, and a record names its owner', async () => {
    const { workspace } = await givenProctor()
    const record = readRecords().find((each) => workspacesOf(each).includes(workspace.path))
    expect(basename(workspace.path)).toMatch(/^proctor-[a-z][0-9a-z]{7}$/)
    expect(record?.owner).toEqual(thisOwner())
    expect(readAbandonedRecords()).not.toContainEqual(record)
    expect(statSync(workspace.path).mode & 0o777).toBe(0o700)
  })
})
