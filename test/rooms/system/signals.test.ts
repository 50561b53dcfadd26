import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ProctorError } from '../../../src/base/errors.js'
import { table } from '../../../src/system/process-table/current.js'
import type { ProcessIdentity } from '../../../src/system/process-table/table.js'
import {
  assertPid,
  groupExists,
  isAlive,
  ownAncestors,
  signalGroup,
  signalProcess,
} from '../../../src/system/signals.js'
import { forOthers, inRoot } from '../../inner-run.js'
import { needs } from '../../needs.js'
import { rejection, zombieMaker } from '../given.js'

function givenSleep(): { child: ChildProcess; identity: ProcessIdentity } {
  const child = spawn('sleep', ['60'], { stdio: 'ignore', detached: true })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const { pid, startTime } = table.identify(child.pid!)!
  return { child, identity: { pid, startTime } }
}

const notPids: readonly unknown[] = [
  -1,
  0,
  1,
  -0,
  Number.NaN,
  Infinity,
  -Infinity,
  1.5,
  2 ** 31,
  2 ** 53,
  null,
  undefined,
  '12',
  '',
  true,
  [],
  {},
  12n,
]

/** Pretends that the recorded identity is right, so that only the number itself can stand in the way. */
const asRecorded = (pid: unknown): ProcessIdentity => ({
  pid: pid as number,
  startTime: table.identify(Number(pid) || 0)?.startTime ?? 0,
})

describe('what is never signalled', () => {
  test.each(notPids.map((pid) => [pid]))('%s', (pid) => {
    const bystander = givenSleep()
    expect(() => assertPid(pid as number)).toThrow(ProctorError)
    expect(() => signalProcess({ pid: pid as number, startTime: 0 }, 'SIGKILL')).toThrow(
      'Not a process that may be signalled',
    )
    expect(() => signalGroup(pid as number, bystander.identity, 'SIGKILL')).toThrow(ProctorError)
    expect(() => groupExists(pid as number)).toThrow(ProctorError)
    expect(isAlive(bystander.child.pid!)).toBe(true)
  })

  test('this process, its parent, its ancestors, their groups', () => {
    const own = table.identify(process.pid)!
    const parent = table.identify(process.ppid)!
    const refused = [process.pid, process.ppid, own.group, parent.ppid, parent.group].filter((pid) => pid > 1)
    for (const pid of refused) {
      const message = `Not signalled: ${pid} is the test runner itself, one of its ancestors or their group.`
      expect(() => signalProcess(asRecorded(pid), 'SIGKILL')).toThrow(message)
      expect(() => signalGroup(pid, asRecorded(pid), 'SIGKILL')).toThrow(message)
      expect(ownAncestors().has(pid)).toBe(true)
    }
  })

  test('a process whose start time is not the recorded one: it lives', async () => {
    const { child, identity } = givenSleep()
    for (const other of [identity.startTime - 1, identity.startTime + 1, 0, Number.NaN]) {
      expect(signalProcess({ pid: identity.pid, startTime: other }, 'SIGKILL')).toBe('gone')
      expect(signalGroup(identity.pid, { pid: identity.pid, startTime: other }, 'SIGKILL')).toBe('gone')
    }
    expect(isAlive(child.pid!)).toBe(true)
    expect(child.signalCode).toBeNull()
    expect(signalProcess(identity, 'SIGKILL')).toBe('sent')
    await once(child, 'exit')
    expect(child.signalCode).toBe('SIGKILL')
  })

  test('a group that its witness is not in', async () => {
    const [mine, others] = [givenSleep(), givenSleep()]
    expect(signalGroup(others.identity.pid, mine.identity, 'SIGKILL')).toBe('gone')
    expect(isAlive(others.child.pid!)).toBe(true)
    expect(signalGroup(mine.identity.pid, mine.identity, 'SIGKILL')).toBe('sent')
    await once(mine.child, 'exit')
  })
})

describe('what has gone', () => {
  test('is no failure', async () => {
    const { child, identity } = givenSleep()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(signalProcess(identity, 'SIGTERM')).toBe('gone')
    expect(signalGroup(identity.pid, identity, 'SIGTERM')).toBe('gone')
    expect(groupExists(identity.pid)).toBe(false)
    expect(isAlive(identity.pid)).toBe(false)
  })

  test('a signal that does not exist is the caller’s mistake', async () => {
    const { identity } = givenSleep()
    const error = await rejection(() => signalProcess(identity, 'SIGNOPE' as NodeJS.Signals))
    expect(error).toMatchObject({ code: 'ERR_UNKNOWN_SIGNAL' })
  })
})

describe('isAlive', () => {
  test('knows this process and init', () => {
    expect(isAlive(process.pid)).toBe(true)
    expect(isAlive(1)).toBe(true)
  })

  test.each(notPids.filter((pid) => !Object.is(pid, 1)).map((pid) => [pid]))('refuses %s', (pid) => {
    expect(() => isAlive(pid as number)).toThrow(/^Not a pid: .* Accepted are positive integers\.$/)
  })

  test('a zombie is dead', async () => {
    const parent = spawn('sh', ['-c', zombieMaker], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    onTestFinished(() => {
      parent.kill('SIGKILL')
    })
    const [text] = (await once(parent.stdout, 'data')) as [Buffer]
    await expect.poll(() => table.identify(Number(text))?.state).toBe('Z')
    expect(isAlive(Number(text))).toBe(false)
  })

  test('a process that may not be signalled counts as alive', async () => {
    needs('root', 'setpriv')
    const { child } = givenSleep()
    const script = `try { process.kill(${child.pid}, 0); console.log('allowed') } catch (error) { console.log(error.code) }`
    const other = spawn(
      'setpriv',
      [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        process.execPath,
        '--input-type=module',
        '-e',
        `${script}; const { isAlive } = await import(${JSON.stringify(forOthers(inRoot('dist/index.js')))}); console.log(isAlive(${child.pid}))`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    let output = ''
    other.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()))
    await once(other, 'close')
    expect(output).toBe('EPERM\ntrue\n')
  })
})
