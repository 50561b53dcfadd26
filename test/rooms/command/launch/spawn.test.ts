import { chmod } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { executable } from '../../../../src/workspace/file-tree.js'
import { explain } from '../../../../src/command/launch/spawn-failure.js'
import { searchPath } from '../../../../src/command/launch/search-path.js'
import { SpawnError, WorkspaceError } from '../../../../src/base/errors.js'
import type { FixtureProctor } from '../../../../src/fixture/proctor.js'
import type { RunOptions } from '../../../../src/fixture/options.js'
import type { CommandProcess } from '../../../../src/command/command-process.js'
import { toBeDead } from '../../../../src/matchers/life.js'
import { toHaveExitedWith } from '../../../../src/matchers/exit.js'
import { toHaveOutput } from '../../../../src/matchers/output.js'
import { givenProctor, rejection } from '../../given.js'

interface BadCommand {
  readonly title: string
  readonly command: string
  readonly args?: readonly string[]
  readonly options?: RunOptions
  readonly reason: string
  /** Whether PATH was searched. */
  readonly onPath: boolean
}

const bad: readonly BadCommand[] = [
  {
    title: 'does not exist',
    command: 'no-such-program',
    reason: 'Cannot start no-such-program: no such command on PATH (ENOENT)',
    onPath: true,
  },
  {
    title: 'has a shell that does not exist',
    command: 'true',
    options: { shell: 'no-such-shell' },
    reason: 'Cannot start true: the shell no-such-shell is not on PATH (ENOENT)',
    onPath: true,
  },
  {
    title: 'does not exist at its path',
    command: './no-such-program',
    reason: 'Cannot start ./no-such-program: no such file (ENOENT)',
    onPath: false,
  },
  {
    title: 'is not executable',
    command: './plain.txt',
    reason: 'Cannot start ./plain.txt: the file is not executable (EACCES)',
    onPath: false,
  },
  { title: 'is a folder', command: './folder', reason: 'Cannot start ./folder: it is a folder', onPath: false },
  {
    title: 'is below a file',
    command: './plain.txt/x',
    reason: 'Cannot start ./plain.txt/x: no such file (ENOTDIR)',
    onPath: false,
  },
  {
    title: 'has a NUL byte',
    command: 'ec\0ho',
    reason: "Cannot start 'ec\\x00ho': the command line holds a NUL byte, which no program can be given",
    onPath: true,
  },
  {
    title: 'has a NUL byte in an argument',
    command: 'echo',
    args: ['a\0b'],
    reason: "Cannot start echo 'a\\x00b': the command line holds a NUL byte, which no program can be given",
    onPath: true,
  },
  { title: 'is empty', command: '', reason: "Cannot start '': the command is empty", onPath: true },
  {
    title: 'has an interpreter that does not exist',
    command: './no-interpreter',
    reason: 'Cannot start ./no-interpreter: the file is there, but the interpreter in its first line is not (ENOENT)',
    onPath: false,
  },
  {
    title: 'is to run in a cwd that does not exist',
    command: 'echo',
    options: { cwd: 'nowhere' },
    reason: 'Cannot start echo: the cwd does not exist',
    onPath: true,
  },
  {
    title: 'is to run in a cwd that is a file',
    command: 'echo',
    options: { cwd: 'plain.txt' },
    reason: 'Cannot start echo: the cwd is no folder',
    onPath: true,
  },
  {
    title: 'is for a shell that does not exist',
    command: 'echo hello',
    options: { shell: '/no/such/shell' },
    reason: "Cannot start 'echo hello': the shell /no/such/shell does not exist (ENOENT)",
    onPath: false,
  },
  {
    title: 'is for a shell that is not executable',
    command: 'echo hello',
    options: { shell: '/etc/passwd' },
    reason: "Cannot start 'echo hello': the shell /etc/passwd is not executable (EACCES)",
    onPath: false,
  },
]

async function givenBad({ command, args = [], options = {} }: BadCommand): Promise<[FixtureProctor, CommandProcess]> {
  const proctor = await givenProctor()
  await proctor.workspace.write({
    'plain.txt': 'echo no',
    folder: {},
    'no-interpreter': executable('#!/no/such/interpreter\n'),
  })
  return [proctor, proctor.run(command, args, options)]
}

describe('a program that cannot be started', () => {
  test.each(bad)('$title: every wait rejects with one SpawnError that says why', async (given) => {
    const [proctor, process] = await givenBad(given)
    const error = (await rejection(process.waitForExit())) as SpawnError

    expect(error).toBeInstanceOf(SpawnError)
    const [reason, cwd, path, ...more] = error.message.split('\n')
    expect(reason).toBe(given.reason)
    expect(cwd).toBe(`  cwd:  ${proctor.workspace.resolve(given.options?.cwd ?? '.')}`)
    expect(path?.replace(/(?<=^ {2}PATH: ).+/, '…')).toBe(given.onPath ? '  PATH: …' : undefined)
    expect(more).toEqual([])

    for (const wait of [
      () => process.waitForOutput('x'),
      () => process.waitForExit(),
      () => process.waitForSuccessfulExit(),
      () => process.write('x'),
      () => process.endInput(),
      () => process.signal('SIGHUP'),
      () => process.group,
      () => process.terminate(),
      () => process.kill(),
      () => toHaveExitedWith(process, 0),
      () => toHaveOutput(process, 'x'),
    ]) {
      expect(await rejection(wait)).toBe(error)
    }
    expect(process).toMatchObject({ running: false, pid: undefined, exitCode: null, exitSignal: null, output: '' })
    expect(await toBeDead(process)).toMatchObject({ pass: true })
    // A wait has already told the test, so the teardown has nothing to add.
    await expect(proctor.teardown()).resolves.toMatchObject({ commands: [{ leaked: [], survived: [] }] })
  })

  test.each(bad)('$title: teardown reports it if no wait did', async (given) => {
    const [proctor] = await givenBad(given)
    const error = await rejection(proctor.teardown())
    expect(error).toBeInstanceOf(SpawnError)
    expect(error.message.split('\n')[0]).toBe(given.reason)
    expect(await rejection(proctor.teardown())).toBe(error)
  })

  test('dispose is silent, and leaves the verdict to the teardown', async () => {
    const proctor = await givenProctor()
    await proctor.run('no-such-program')[Symbol.asyncDispose]()
    expect(await rejection(proctor.teardown())).toBeInstanceOf(SpawnError)
  })

  test('a file on PATH that is not executable is not called missing', async () => {
    const proctor = await givenProctor()
    await proctor.workspace.write({ 'bin/tool': '#!/bin/sh\n' })
    await chmod(proctor.workspace.resolve('bin/tool'), 0o644)
    const process = proctor.run('tool', [], { env: { PATH: proctor.workspace.resolve('bin') } })
    const { message } = await rejection(process.waitForExit())
    expect(message).toContain('Cannot start tool: the file on PATH is not executable (EACCES)')
    expect(message).toContain(`:${proctor.workspace.resolve('bin')}`)
  })

  test('arguments that are too long are one short error', async () => {
    const proctor = await givenProctor()
    const process = proctor.run('echo', ['x'.repeat(4 * 1024 * 1024)])
    const error = (await rejection(process.waitForExit())) as SpawnError
    expect(error).toBeInstanceOf(SpawnError)
    expect(error.message).toContain('the arguments and the environment are too long for the system (E2BIG)')
    expect(error.message.split('\n')[0]!.length).toBeLessThan(1200)
    expect(error.code).toBe('E2BIG')
    expect(error.command).toHaveLength('echo '.length + 4 * 1024 * 1024)
  })

  test('several at once: the teardown names each', async () => {
    const proctor = await givenProctor()
    proctor.run('no-such-program')
    proctor.run('no-such-either')
    const { name, message } = await rejection(proctor.teardown())
    expect(name).toBe('SpawnError')
    expect(message).toContain('Cannot start no-such-program: ')
    expect(message).toContain('Cannot start no-such-either: ')
  })

  test('the others go on', async () => {
    const proctor = await givenProctor()
    const lives = proctor.run('sh', ['-c', 'echo up; exec sleep 60'])
    await rejection(proctor.run('no-such-program').waitForExit())
    await lives.waitForOutput('up')
    expect(lives.running).toBe(true)
    await lives.kill()
  })
})

test('an error without a code of the system is not called a missing program', () => {
  const request = { command: 'sh', args: [], display: 'sh', cwd: '/', env: { PATH: '/bin' }, shell: false }
  const { message } = explain(new TypeError('spawn is not a function'), request)
  expect(message).toContain(
    'Cannot start sh: child_process started nothing (spawn is not a function); is it mocked here?',
  )
})

describe('a cwd that leaves the workspace', () => {
  test.each(['..', 'a/../../b', 'out', 'out/sub'])('%s: run throws at once, and starts nothing', async (cwd) => {
    const proctor = await givenProctor()
    await proctor.workspace.write({ a: {} })
    const { symlink } = await import('node:fs/promises')
    await symlink('/tmp', `${proctor.workspace.path}/out`)
    expect(() => proctor.run('sh', ['-c', 'echo no'], { cwd })).toThrow(WorkspaceError)
    expect(proctor.processes).toEqual([])
  })
})

describe('a program that can', () => {
  test('gets node_modules/.bin first, and the Node that runs the tests', async () => {
    const proctor = await givenProctor()
    const { stdout } = await proctor.run('node', ['-p', 'process.execPath']).waitForSuccessfulExit()
    expect(stdout.trim()).toBe(process.execPath)
    expect(searchPath('/usr/bin').split(':')[0]).toBe(`${process.cwd()}/node_modules/.bin`)
    expect(searchPath('/usr/bin').split(':').at(-1)).toBe('/usr/bin')
  })

  test('gets the environment of the worker less what the runner put there', async () => {
    process.env['PROCTOR_TEST_VARIABLE'] = 'inherited'
    const proctor = await givenProctor({ env: { FROM_FIXTURE: 'fixture', HOME: undefined } })
    const script =
      'console.log(JSON.stringify(Object.keys(process.env).filter(name => /^(VITEST|JEST|FORCE_TTY|PROCTOR_OUTSIDE)/.test(name))));' +
      'console.log(process.env.PROCTOR_TEST_VARIABLE, process.env.FROM_FIXTURE, process.env.OWN, process.env.HOME)'
    const { stdout } = await proctor.run('node', ['-e', script], { env: { OWN: 'command' } }).waitForSuccessfulExit()
    delete process.env['PROCTOR_TEST_VARIABLE']
    expect(stdout).toBe('[]\ninherited fixture command undefined\n')
  })

  test('gets what is asked for, even the runner’s variables, unless that is a copy of the worker’s environment', async () => {
    const proctor = await givenProctor({ env: { VITEST_MODE: 'fixture' } })
    const script =
      'console.log(process.env.VITEST_MODE, process.env.VITEST, process.env.JEST_WORKER_ID, process.env.OWN)'
    const get = async (env: NodeJS.ProcessEnv): Promise<string> =>
      (await proctor.run('node', ['-e', script], { env }).waitForSuccessfulExit()).stdout
    expect(await get({ VITEST: 'asked', JEST_WORKER_ID: '9' })).toBe('fixture asked 9 undefined\n')
    expect(await get({ ...process.env, OWN: 'x' })).toBe('fixture undefined undefined x\n')
  })

  test('runs in a shell when asked to', async () => {
    const proctor = await givenProctor()
    const { stdout } = await proctor.run('echo $((20 + 3)) | tr 2 4', [], { shell: true }).waitForSuccessfulExit()
    expect(stdout).toBe('43\n')
  })

  test('runs at a path relative to its cwd', async () => {
    const proctor = await givenProctor()
    await proctor.workspace.write({ 'sub/tool': executable('#!/bin/sh\necho "$PWD"\n') })
    const { stdout } = await proctor.run('./tool', [], { cwd: 'sub' }).waitForSuccessfulExit()
    expect(stdout).toBe(`${proctor.workspace.path}/sub\n`)
  })
})
