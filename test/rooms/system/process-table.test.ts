import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { hasPendingKill } from '../../../src/system/process-table/exiting.js'
import { linuxTable, parseStat, readChildren, standardStreams } from '../../../src/system/process-table/linux.js'
import { portableTable } from '../../../src/system/process-table/portable.js'
import { isZombie } from '../../../src/system/process-table/table.js'
import { cleanEnvironment } from '../../inner-run.js'
import { zombieMaker } from '../given.js'

async function givenSleep(): Promise<number> {
  const child = spawn('sleep', ['60'], {
    stdio: 'ignore',
    detached: true,
    env: { ...process.env, TABLE_TEST: 'a b' },
    cwd: '/',
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  await once(child, 'spawn')
  return child.pid!
}

describe.runIf(process.platform === 'linux').each([linuxTable, portableTable])('the $name table', (table) => {
  test('knows a process at once', async () => {
    const before = Date.now()
    const pid = await givenSleep()
    const record = table.identify(pid)!
    const after = Date.now()
    expect(record).toMatchObject({
      pid,
      ppid: process.pid,
      group: pid,
      hasTerminal: false,
      state: expect.stringMatching(/^[RSD]$/),
    })
    expect([0, pid]).toContain(record.session)
    // ps gives whole seconds.
    expect(table.startedAt(record)).toBeGreaterThan(before - 2000)
    expect(table.startedAt(record)).toBeLessThan(after + 2000)
    expect(table.isSame(record, table.identify(pid)!)).toBe(true)
    expect(table.isOlder(table.identify(process.pid)!, { startTime: record.startTime + 10_000 })).toBe(true)
    expect([...table.membersOf(pid)].map((member) => member.pid)).toEqual([pid])
  })

  test('finds nothing for an unused pid', () => {
    expect(table.identify(4_194_304)).toBeUndefined()
    expect([...table.membersOf(4_194_304)]).toEqual([])
  })

  test('takes a snapshot of the machine, with pids and start times', async () => {
    const pid = await givenSleep()
    const records = await table.snapshot()
    expect(records.get(pid)).toMatchObject({ pid, ppid: process.pid, group: pid })
    expect(records.get(process.pid)).toMatchObject({ ppid: process.ppid })
    expect(records.get(1)).toMatchObject({ pid: 1, ppid: 0 })
    expect(table.commandLine(pid)).toBe('sleep 60')
    expect(table.owner(pid)).toBe(process.getuid?.())
    expect(table.environment(pid)!.some((entry) => entry.startsWith('TABLE_TEST=a'))).toBe(true)
  })
})

describe.runIf(process.platform === 'linux')('/proc', () => {
  test('the name in parentheses may contain anything', () => {
    const rest = 'S 1 22 33 34816 22 4194304 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0'
    for (const name of ['sleep', 'a b', 'x) R 9 9 (y', ')', '((', 'new\nline', '']) {
      expect(parseStat(`42 (${name}) ${rest}`)).toEqual({
        pid: 42,
        ppid: 1,
        group: 22,
        session: 33,
        state: 'S',
        hasTerminal: true,
        isThreaded: false,
        isExiting: false,
        startTime: 4711,
      })
    }
    expect(parseStat('')).toBeUndefined()
    expect(parseStat('42 sleep S 1')).toBeUndefined()
    // Somebody has waited for it while it was read.
    expect(parseStat('42 (sleep) Z 0 -1 -1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 0 0 1234')).toBeUndefined()
    expect(parseStat('42 (sleep) R 0 0 0 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 0 0 1234')).toMatchObject({ group: 0 })
  })

  test('an exit is under way once a thread has PF_EXITING, until it is a zombie', () => {
    const isExiting = (state: string, flags: number, threads: number): boolean | undefined =>
      parseStat(`42 (sleep) ${state} 1 22 33 0 22 ${flags} 0 0 0 0 0 0 0 0 20 0 ${threads} 0 4711`)?.isExiting
    expect(isExiting('S', 4_194_304, 1)).toBe(false)
    expect(isExiting('R', 4_194_308, 1)).toBe(true)
    expect(isExiting('R', 4_194_308, 7)).toBe(true)
    expect(isExiting('Z', 4_194_308, 7)).toBe(true)
    expect(isExiting('Z', 4_194_308, 1)).toBe(false)
  })

  test.each([
    ['0000000000000000', false],
    ['0000000000000100', true],
    ['0000000000004100', true],
    ['ffffffff00000100', true],
    ['0000000000004000', false],
    ['0000010000000000', false],
  ])('with the pending signals %s, SIGKILL is pending: %o', (mask, expected) => {
    expect(hasPendingKill(`Threads:\t7\nSigQ:\t0/95\nSigPnd:\t${mask}\nShdPnd:\t0000000000000100\n`)).toBe(expected)
  })

  test('tells cwd, open files, children and streams', async () => {
    const pid = await givenSleep()
    expect(linuxTable.cwd(pid)).toBe('/')
    expect(linuxTable.openFiles(pid)).toContain('/dev/null')
    expect(readChildren(process.pid, process.pid)).toContain(pid)
    expect(standardStreams(pid)).toEqual([])
    expect(linuxTable.cwd(4_194_304)).toBeUndefined()
    expect(linuxTable.environment(4_194_304)).toBeUndefined()
    expect(linuxTable.openFiles(4_194_304)).toEqual([])
    expect(linuxTable.owner(4_194_304)).toBeUndefined()
    expect(linuxTable.commandLine(4_194_304)).toBe('[4194304]')
  })

  test('a zombie is recognised', async () => {
    const parent = spawn('sh', ['-c', zombieMaker], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => {
      parent.kill('SIGKILL')
    })
    const pid = Number(((await once(parent.stdout, 'data')) as [Buffer])[0])
    await expect.poll(() => linuxTable.identify(pid)?.state).toBe('Z')
    expect(isZombie(linuxTable.identify(pid)!)).toBe(true)
    expect(linuxTable.commandLine(pid)).toBe('[sh]')
    expect(isZombie(portableTable.identify(pid)!)).toBe(true)
    expect([...portableTable.membersOf(linuxTable.identify(pid)!.group)].map((member) => member.pid)).not.toContain(pid)
  })
})

// The whole cycle with the table of macOS: the built package in a separate Node process that forces this table.
test('the portable table carries start, kill, verification, pid files and leaks', async () => {
  const script = `
    import assert from 'node:assert/strict'
    import { readdirSync, readFileSync } from 'node:fs'
    import { dirname, join } from 'node:path'
    const { createProctor, isAlive } = await import(${JSON.stringify(new URL('../../../dist/index.js', import.meta.url).href)})
    const { toBeDead, toBeAlive } = await import(${JSON.stringify(new URL('../../../dist/matchers.js', import.meta.url).href)})
    const proctor = await createProctor({ grace: 200, leakTimeout: 100 })
    assert.equal(proctor.containment, 'basic')
    // Its start time is none that a neighbour with the other table could compare: he must not take it for abandoned.
    const folder = join(dirname(proctor.workspace.path), 'proctor-' + process.getuid())
    const records = readdirSync(folder).filter((name) => name.endsWith('.record')).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8').split('\\n')[0]))
    assert.equal(records.find(({ owner }) => owner.pid === process.pid)?.owner.boot, '0')
    await assert.rejects(createProctor({ containment: 'strict' }), { name: 'ContainmentError', message: /the process table in use is the portable one/ })

    const tree = proctor.run('sh', ['-c', 'echo $$ > parent.pid; sleep 60 & echo $! > child.pid; setsid sleep 61 >/dev/null 2>&1 & echo up; wait'])
    await tree.waitForOutput('up')
    assert.equal((await toBeAlive(tree, 'child.pid')).pass, true)
    assert.equal((await toBeAlive(tree)).pass, true)
    const members = await tree.group.members()
    assert.ok(members.length >= 2)
    await tree.kill()
    assert.equal((await toBeDead(tree)).pass, true)
    assert.equal((await toBeDead(tree, 'parent.pid')).pass, true)
    assert.equal((await toBeDead(tree, 'child.pid')).pass, true)

    const stubborn = proctor.run('sh', ['-c', 'trap "" TERM; echo up; while :; do sleep 60; done'])
    await stubborn.waitForOutput('up')
    assert.equal((await stubborn.terminate({ grace: 50 })).exitSignal, 'SIGKILL')

    const leaky = proctor.run('sh', ['-c', 'sleep 62 >/dev/null 2>&1 & echo $!; setsid sleep 63 >/dev/null 2>&1 & exit 0'])
    const child = Number((await leaky.waitForSuccessfulExit()).stdout)
    assert.ok(isAlive(child))
    const error = await proctor.teardown().catch((error) => error)
    assert.equal(error.name, 'LeakedProcessError', String(error.stack))
    assert.deepEqual(error.report.commands.at(-1).leaked.map(({ command }) => command).sort(), ['sleep 62', 'sleep 63'])
    assert.equal(isAlive(child), false)
    console.log('the whole cycle')`
  const output = await new Promise<string>((resolve) => {
    const parameters = ['--input-type=module', '-e', script]
    const options = { encoding: 'utf8' as const, env: cleanEnvironment({ PROCTOR_PROCESS_TABLE: 'portable' }) }
    execFile(process.execPath, parameters, options, (_, stdout, stderr) => resolve(stdout + stderr))
  })
  expect(output).toBe('the whole cycle\n')
})
