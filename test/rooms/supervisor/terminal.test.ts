import { createRequire } from 'node:module'
import { afterEach, describe, expect, test } from 'vitest'
import { cleanEnvironment, inRoot } from '../../inner-run.js'
import { cli, program, sleepersOf, uniqueNumber } from './proctor-run.js'

// `proctor run` in a terminal of its own, and what a person does there.

interface Pty {
  readonly pid: number
  onData(hear: (text: string) => void): void
  onExit(hear: (exit: { exitCode: number; signal?: number }) => void): void
  write(text: string): void
  kill(signal: string): void
}
const pty = createRequire(inRoot('package.json'))('@lydell/node-pty') as {
  spawn(file: string, args: readonly string[], options: object): Pty
}

const run = `'${process.execPath}' '${cli}' run`
const open: Pty[] = []

interface Session {
  readonly terminal: Pty
  readonly output: () => string
  readonly shows: (text: string) => Promise<void>
  readonly exit: Promise<{ exitCode: number; signal?: number }>
}

/** Starts a program as the leader of a terminal's session. */
function inTerminal(file: string, args: readonly string[]): Session {
  const terminal = pty.spawn(file, args, {
    env: cleanEnvironment({ PS1: '$ ' }),
    cwd: inRoot('.'),
    cols: 200,
    rows: 50,
  })
  open.push(terminal)
  let output = ''
  terminal.onData((text) => {
    output += text
  })
  const exit = new Promise<{ exitCode: number; signal?: number }>((resolve) => terminal.onExit(resolve))
  const shows = async (text: string): Promise<void> => {
    await expect.poll(() => output, { timeout: 20_000, interval: 10 }).toContain(text)
  }
  return { terminal, output: () => output, shows, exit }
}

afterEach(() => {
  for (const terminal of open.splice(0)) {
    try {
      terminal.kill('SIGKILL')
    } catch {
      // It has ended.
    }
  }
})

const times = (text: string, word: string): number => text.split(word).length - 1

test('the command has the terminal, and the session and the group that it would have had', async () => {
  const line = 'test -t 0 && test -t 1 && test -t 2 && echo terminal; echo $(ps -o sid=,pgid=,tpgid= -p $$)'
  const { output, exit } = inTerminal('sh', ['-c', `${run} -- sh -c '${line}'; :`])
  await exit
  const [first, numbers] = output().trim().split('\r\n')
  expect(first).toBe('terminal')
  expect(new Set(numbers!.split(' ')).size).toBe(1)
})

describe('Ctrl-C', () => {
  test('is one for the command, and a second one ends it by force', async () => {
    const { terminal, output, shows, exit } = inTerminal('sh', [
      '-c',
      `${run} -- node ${program('counts-signals.mjs')}; echo code $?`,
    ])
    await shows('ready')
    terminal.write('\u0003')
    await shows('got SIGINT')
    // Any signal that is passed on, by whichever process, arrives within this time.
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(times(output(), 'got SIGINT')).toBe(1)
    terminal.write('\u0003')
    await exit
    expect(output()).toMatch(/ended by force/)
  })

  test('through npm, which passes on a signal that its group has also got: one for the command', async () => {
    const { terminal, output, shows, exit } = inTerminal('npm', [
      'exec',
      '--offline',
      '-c',
      `${run} -- node ${program('counts-signals.mjs')}`,
    ])
    await shows('ready')
    terminal.write('\u0003')
    await shows('got SIGINT')
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(times(output(), 'got SIGINT')).toBe(1)
    terminal.write('exit\r')
    expect(await exit).toMatchObject({ exitCode: 0 })
  })

  test('a death by it is passed on, and what is left is ended', async () => {
    const number = uniqueNumber()
    const inner = inTerminal(process.execPath, [
      cli,
      'run',
      '--leak-timeout',
      '100',
      '--',
      'sh',
      program('six-escapees.sh'),
      number,
      'stay',
    ])
    await expect.poll(() => sleepersOf(number).length, { timeout: 20_000 }).toBe(6)
    inner.terminal.write('\u0003')
    expect(await inner.exit).toMatchObject({ signal: 2 })
    expect(sleepersOf(number)).toEqual([])
    expect(inner.output()).toMatch(/processes outlived/)
  })

  test('a signal to the number of proctor run alone, in a terminal, is passed on', async () => {
    const { terminal, output, shows, exit } = inTerminal(process.execPath, [
      cli,
      'run',
      '--',
      'node',
      program('counts-signals.mjs'),
    ])
    await shows('ready')
    terminal.kill('SIGINT')
    await shows('got SIGINT')
    terminal.write('exit\r')
    await exit
    expect(times(output(), 'got SIGINT')).toBe(1)
  })
})

test('Ctrl-Z and fg work as in every job', async () => {
  const { terminal, output, shows, exit } = inTerminal('bash', ['--norc', '--noprofile', '-i'])
  /**
   * Types a line, and waits for what comes after its echo. A person who types faster than that talks to another
   * program.
   */
  const type = async (text: string, answer: string): Promise<void> => {
    const before = output().length
    terminal.write(text)
    await expect.poll(() => output().slice(before), { timeout: 20_000, interval: 10 }).toContain(answer)
  }
  await shows('$ ')
  await type(`${run} -- node ${program('counts-signals.mjs')}\r`, 'ready')
  await type('\u001A', '$ ')
  await shows('Stopped')
  await type('fg\r', 'counts-signals.mjs\r\n')
  await type('exit\r', '$ ')
  await type('echo code $?\r', 'code 0\r\n')
  terminal.write('exit\r')
  expect(await exit).toMatchObject({ exitCode: 0 })
})
