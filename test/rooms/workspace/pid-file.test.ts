import { execFileSync, spawn } from 'node:child_process'
import { rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isHolderAlive, type PidFile, readPidFile } from '../../../src/workspace/pid-file.js'
import { toBeAlive, toBeDead } from '../../../src/matchers/life.js'
import { PidFileError } from '../../../src/base/errors.js'
import { table } from '../../../src/system/process-table/current.js'
import { isAlive } from '../../../src/system/signals.js'
import { givenProctor, rejection, shell, zombieMaker } from '../given.js'

/** A process of this test that proctor has not started. */
function givenProcess(): number {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child.pid!
}

/** A file that is too old for anything to be still writing it. */
function writeOld(file: string, content: string | Uint8Array): void {
  writeFileSync(file, content)
  const past = Date.now() / 1000 - 1
  utimesSync(file, past, past)
}

const single = 'Accepted is one positive decimal number.'

const refused: readonly [title: string, content: string, says: string][] = [
  ['empty', '', 'The pid file its.pid is empty.'],
  ['white space', ' \n\t\n', 'The pid file its.pid is empty.'],
  ['0', '0\n', `The pid file its.pid holds "0\\n". ${single}`],
  ['1', '1\n', 'The pid file its.pid holds "1\\n": that is init, and no process of a test.'],
  ['-1', '-1', `The pid file its.pid holds "-1". ${single}`],
  ['+5', '+5', `The pid file its.pid holds "+5". ${single}`],
  ['1e9', '1e9', `The pid file its.pid holds "1e9". ${single}`],
  ['0x1', '0x1', `The pid file its.pid holds "0x1". ${single}`],
  ['a leading zero', '0123', `The pid file its.pid holds "0123". ${single}`],
  ['a fraction', '12.5', `The pid file its.pid holds "12.5". ${single}`],
  ['two numbers', '12 13\n', `The pid file its.pid holds "12 13\\n". ${single}`],
  ['two lines', '12\n13\n', `The pid file its.pid holds "12\\n13\\n". ${single}`],
  ['text', 'not a pid\n', `The pid file its.pid holds "not a pid\\n". ${single}`],
  ['digits of another script', '١٢٣', `The pid file its.pid holds "١٢٣". ${single}`],
  ['a NUL byte', '12\0', `The pid file its.pid holds "12\\u0000". ${single}`],
  ['a number above every pid', '4194305\n', 'The pid file its.pid holds "4194305\\n". No pid is above 4194304.'],
  ['our own pid', `${process.pid}\n`, 'that is the test runner itself or a parent of it.'],
  ["our parent's pid", `${process.ppid}\n`, 'that is the test runner itself or a parent of it.'],
  ['a megabyte of digits', '1'.repeat(1024 * 1024), `"${'1'.repeat(65)}". ${single}`],
  ['a megabyte of zeros', '\0'.repeat(1024 * 1024), single],
]

describe('a pid file that holds no pid', () => {
  test.each(refused)('%s: one clear error, and no matcher holds', async (_title, content, says) => {
    const { workspace } = await givenProctor()
    await workspace.write('beside.txt', '')
    const file = workspace.resolve('its.pid')
    writeOld(file, content)
    const error = readPidFile(file) as PidFileError
    expect(error).toBeInstanceOf(PidFileError)
    const [reason, where, beside, ...more] = error.message.split('\n')
    expect(reason).toContain(says)
    expect(reason!.length).toBeLessThan(600)
    expect(where).toBe(`  file: ${file}`)
    expect(beside).toBe('  Beside it: beside.txt, its.pid')
    expect(more).toEqual([])
    expect(error.file).toBe(file)
    for (const isNot of [false, true]) {
      expect((await rejection(toBeDead.call({ isNot }, workspace, 'its.pid', { timeout: 0 }))).message).toBe(
        error.message,
      )
      expect((await rejection(toBeAlive.call({ isNot }, workspace, 'its.pid', { timeout: 0 }))).message).toBe(
        error.message,
      )
    }
  })

  test('missing', async () => {
    const { workspace } = await givenProctor()
    const error = await rejection(toBeDead(workspace, 'its.pid', { timeout: 20 }))
    expect(error).toMatchObject({
      name: 'PidFileError',
      message: `No pid file: its.pid does not exist.\n  file: ${workspace.path}/its.pid\n  The folder is empty.`,
    })
    expect((await rejection(toBeDead(workspace, 'no/its.pid', { timeout: 20 }))).message).toBe(
      `No pid file: its.pid does not exist.\n  file: ${workspace.path}/no/its.pid\n  The folder ${workspace.path}/no does not exist.`,
    )
  })

  test('a folder', async () => {
    const { workspace } = await givenProctor()
    await workspace.write({ 'its.pid': {} })
    expect((readPidFile(workspace.resolve('its.pid')) as Error).message).toContain(
      'Not a pid file: its.pid is no regular file.',
    )
  })

  test('a FIFO, without waiting for a writer', async () => {
    const { workspace } = await givenProctor()
    const file = workspace.resolve('its.pid')
    execFileSync('mkfifo', [file])
    expect((readPidFile(file) as Error).message).toContain('Not a pid file: its.pid is no regular file.')
  })

  test('a device, a socket, a link in a circle', async () => {
    const { workspace } = await givenProctor()
    expect((readPidFile('/dev/zero') as Error).message).toContain('Not a pid file: zero is no regular file.')
    symlinkSync('its.pid', `${workspace.path}/its.pid`)
    expect((readPidFile(`${workspace.path}/its.pid`) as Error).message).toContain(
      'The pid file its.pid cannot be read (ELOOP).',
    )
  })

  test('outside the workspace', async () => {
    const { workspace } = await givenProctor()
    for (const path of ['../its.pid', '/run/its.pid']) {
      expect(await rejection(toBeDead(workspace, path))).toMatchObject({ name: 'WorkspaceError' })
    }
  })

  test('that is being written is waited for', async () => {
    const { workspace } = await givenProctor()
    const pid = givenProcess()
    const file = workspace.resolve('its.pid')
    const alive = toBeAlive(workspace, 'its.pid', { timeout: 4000 })
    writeFileSync(file, '')
    await workspace.exists('its.pid')
    writeFileSync(file, String(pid).slice(0, 1))
    expect(readPidFile(file)).toBeInstanceOf(PidFileError)
    await workspace.exists('its.pid')
    writeFileSync(file, String(pid))
    expect(await alive).toMatchObject({ pass: true })
    truncateSync(file, 0)
    rmSync(file)
    writeFileSync(file, `${pid}\n`)
    expect(readPidFile(file)).toMatchObject({ pid })
  })

  test('with very many files beside it names a few', async () => {
    const { workspace } = await givenProctor()
    await workspace.write(Object.fromEntries(Array.from({ length: 60 }, (_, number) => [`file-${number}`, ''])))
    const { message } = readPidFile(workspace.resolve('its.pid')) as Error
    expect(message.split(', ')).toHaveLength(21)
    expect(message).toMatch(/, … and 40 more$/)
  })
})

describe('the holder of a pid file', () => {
  test('lives, and is only looked at', async () => {
    const { workspace } = await givenProctor()
    const pid = givenProcess()
    const file = workspace.resolve('its.pid')
    for (const content of [`${pid}`, `${pid}\n`, ` ${pid} \r\n`, `\ufeff${pid}\n`]) {
      writeOld(file, content)
      utimesSync(file, Date.now() / 1000 + 2, Date.now() / 1000 + 2)
      const held = readPidFile(file) as PidFile
      expect(held.pid).toBe(pid)
      expect(isHolderAlive(held)).toBe(true)
    }
    expect(await toBeDead(workspace, 'its.pid', { timeout: 20 })).toMatchObject({ pass: false })
    expect(isAlive(pid)).toBe(true)
  })

  test('is dead when it started after the file was last written: its number was used again', async () => {
    const { workspace } = await givenProctor()
    const pid = givenProcess()
    const file = workspace.resolve('its.pid')
    writeFileSync(file, `${pid}\n`)
    utimesSync(file, 1_000_000_000, 1_000_000_000)
    expect(await toBeDead(workspace, 'its.pid')).toMatchObject({ pass: true })
    expect(await toBeAlive(workspace, 'its.pid', { timeout: 20 })).toMatchObject({ pass: false })
    expect(isAlive(pid)).toBe(true)
  })

  test('is dead when it is a zombie', async () => {
    const proctor = await givenProctor()
    const process = shell(proctor, zombieMaker.replace('echo $!', 'echo $! | tee its.pid'))
    await expect.poll(() => readPidFile(proctor.workspace.resolve('its.pid'))).not.toBeInstanceOf(Error)
    expect(await toBeDead(process, 'its.pid')).toMatchObject({ pass: true })
    const { pid } = readPidFile(proctor.workspace.resolve('its.pid')) as PidFile
    expect(table.identify(pid)?.state).toBe('Z')
    expect(process.running).toBe(true)
    await process.kill()
  })

  test('is dead when nobody has the number', async () => {
    const { workspace } = await givenProctor()
    writeOld(workspace.resolve('its.pid'), '4194304\n')
    expect(await toBeDead(workspace, 'its.pid')).toMatchObject({ pass: true })
  })

  test('is found whatever the clock of the file system says', async () => {
    const { workspace } = await givenProctor()
    const pid = givenProcess()
    const file = workspace.resolve('its.pid')
    // The file has no newline, and its time is an hour from now: the clock was set, the machine was suspended, or the
    // time is a server's.
    writeFileSync(file, String(pid))
    utimesSync(file, Date.now() / 1000 + 3600, Date.now() / 1000 + 3600)
    expect(readPidFile(file)).toMatchObject({ pid })
  })
})
