import { cpSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { FixtureProctor } from '../../../src/fixture/proctor.js'
import type { TerminalOptions } from '../../../src/fixture/options.js'
import { LeakedProcessError, MissingDependencyError } from '../../../src/base/errors.js'
import type { CommandTerminal } from '../../../src/terminal/terminal-process.js'
import { inRoot, startInner } from '../../inner-run.js'
import { makeFolder, removeFolder } from '../../machine.js'
import { rounds } from '../../soak/rounds.js'
import { isStillAlive, witness } from '../../witness.js'
import { givenProctor, rejection } from '../given.js'

const inTerminal = (proctor: FixtureProctor, script: string, options: Partial<TerminalOptions> = {}): CommandTerminal =>
  proctor.run('sh', ['-c', script], { terminal: true, ...options })

const levels = process.platform === 'linux' ? (['strict', 'basic'] as const) : (['basic'] as const)

/** ms that many processes get on a machine that is busy with other things too. */
const patience = { timeout: 20_000 }

describe.each(levels)('in %s containment', (containment) => {
  test('exit codes and signals are the program’s own, however short it lives', async () => {
    const proctor = await givenProctor({ containment })
    const codes = Array.from({ length: 24 }, (_, index) => index)

    const exits = await Promise.all(codes.map((code) => inTerminal(proctor, `exit ${code}`).waitForExit(patience)))
    const signals = await Promise.all(
      ['SEGV', 'TERM', 'KILL', 'HUP'].map((signal) => inTerminal(proctor, `kill -${signal} $$`).waitForExit(patience)),
    )

    expect(exits.map(({ exitCode }) => exitCode)).toEqual(codes)
    expect(signals.map(({ exitCode, exitSignal }) => [exitCode, exitSignal])).toEqual(
      ['SIGSEGV', 'SIGTERM', 'SIGKILL', 'SIGHUP'].map((signal) => [null, signal]),
    )
  })

  test('a program can be killed right at its start', async () => {
    for (let round = 0; round < rounds(30, 6); round += 1) {
      const proctor = await givenProctor({ containment })
      const cat = proctor.run('cat', [], { terminal: true })
      const seen = witness(cat.pid)

      const { commands } = await proctor.teardown()

      expect(isStillAlive(seen)).toBe(false)
      expect(commands[0]).toMatchObject({ endedBy: 'teardown', exitSignal: 'SIGTERM', escalated: false })
    }
  })

  test.each([
    ['the session', `setsid -f sh -c 'echo pid $$; exec sleep 600'`],
    ['the session, and closed the terminal', `setsid -f sh -c 'echo pid $$; exec sleep 600 <>/dev/null >&0 2>&0'`],
    // With basic containment, only the terminal that it holds tells whose it is.
    ['the session, its environment and its folder', `cd / && env -i setsid -f sh -c 'echo pid $$; exec sleep 600'`],
  ])('who has left %s is found, and blamed on the command', async (_, leave) => {
    const proctor = await givenProctor({ containment })
    const starter = inTerminal(proctor, `(${leave}); sleep 600`)
    const [, pid] = await starter.waitForOutput(/pid (\d+)\r\n/)
    const left = witness(Number(pid))

    const error = await rejection(proctor.teardown())

    expect(error).toBeInstanceOf(LeakedProcessError)
    expect(error.message).toMatch(/sleep 600 +left the group \(own session\)/)
    expect(isStillAlive(left)).toBe(false)
  })

  test('it leads a session whose terminal is its own, with a mark and the workspace as its folder', async () => {
    const proctor = await givenProctor({ containment })
    const terminal = inTerminal(
      proctor,
      'ps -o pid=,pgid=,sid=,tty= -p $$; tty; pwd; echo "$PWD"; env | grep -c ^PROCTOR_MARK_',
      { terminal: { columns: 200 } },
    )
    const { pid } = terminal

    await terminal.waitForSuccessfulExit()

    const [ids, tty, ...rest] = terminal.screen.stripped.split('\n')
    expect(ids!.trim().split(/\s+/)).toEqual([`${pid}`, `${pid}`, `${pid}`, tty!.replace('/dev/', '')])
    const { path } = proctor.workspace
    expect(rest).toEqual([path, path, expect.stringMatching(/^[1-9]$/)])
  })
})

test('a program may close its terminal before it exits', async () => {
  const proctor = await givenProctor()
  // If the terminal were closed at this point, the kernel would send SIGHUP.
  const quiet = inTerminal(proctor, 'echo bye; exec <&- >&- 2>&-; sleep 0.3; exit 7')

  expect(await quiet.waitForExit(patience)).toMatchObject({ exitCode: 7, exitSignal: null, output: 'bye\r\n' })
})

test('all output is read, however soon the program exits after it', async () => {
  const proctor = await givenProctor()
  const script = "stty raw; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo the end"

  for (let round = 0; round < rounds(8, 2); round += 1) {
    const { output } = await inTerminal(proctor, script).waitForSuccessfulExit(patience)
    expect([output.length, output.slice(-9)]).toEqual([1_000_009, '\nthe end\n'])
  }
})

test('its environment describes no terminal of the tests, but has what the test asked for', async () => {
  const outer = {
    TMUX: 'x',
    TERM_PROGRAM: 'x',
    COLUMNS: '7',
    LINES: '7',
    COLORTERM: 'x',
    TERM: 'dumb',
    LANG: '',
    LC_ALL: '',
  }
  for (const [name, value] of Object.entries(outer)) vi.stubEnv(name, value)
  vi.stubEnv('LANG', undefined)
  vi.stubEnv('LC_ALL', undefined)
  vi.stubEnv('LC_CTYPE', undefined)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
  const proctor = await givenProctor({ env: { TERM_PROGRAM: 'own' } })
  const script = 'env | grep -E "^(TMUX|TERM|TERM_PROGRAM|COLUMNS|LINES|COLORTERM|LANG|LC_.*)=" | sort'

  const first = inTerminal(proctor, script, { terminal: { columns: 120 } })
  const second = inTerminal(proctor, script, { env: { TERM: 'vt100', COLUMNS: '9', LANG: 'C' } })
  await Promise.all([first.waitForSuccessfulExit(), second.waitForSuccessfulExit()])

  expect(first.screen.stripped).toBe('LC_CTYPE=C.UTF-8\nTERM=xterm-256color\nTERM_PROGRAM=own')
  expect(second.screen.stripped).toBe('COLUMNS=9\nLANG=C\nTERM=vt100\nTERM_PROGRAM=own')
})

test('a program that cannot be started gives the same error as without a terminal', async () => {
  const proctor = await givenProctor()
  await proctor.workspace.write({ 'no.sh': '#!/no/such/interpreter\n', 'plain.txt': '', folder: {} })
  const { chmod } = await import('node:fs/promises')
  await chmod(proctor.workspace.resolve('no.sh'), 0o755)
  const requests: [string, string[], object?][] = [
    ['no-such-command', []],
    ['two words', []],
    ['./no-such-file', []],
    ['./plain.txt', []],
    ['./folder', []],
    ['./no.sh', []],
    ['', []],
    ['cat', ['a\0b']],
    ['cat', ['x'.repeat(200_000)]],
    ['cat', [], { cwd: 'nowhere' }],
    ['cat', [], { cwd: 'plain.txt' }],
    ['cat', [], { shell: '/no/such/shell' }],
  ]
  for (const [command, args, options] of requests) {
    const error = await rejection(proctor.run(command, args, { ...options, terminal: true }).waitForExit())
    const without = await rejection(proctor.run(command, args, options).waitForExit())

    expect(error.message).toBe(without.message)
    expect(error.name).toBe('SpawnError')
  }
  const [first] = proctor.processes as readonly CommandTerminal[]
  expect(first!.screen.stripped).toBe('')
  expect(await rejection(first!.press('x'))).toMatchObject({ name: 'SpawnError' })
})

test('a shell is given the command line', async () => {
  const proctor = await givenProctor()

  const { output } = await proctor
    .run('echo $0; test -t 0 && echo', ['tty', '&& false'], { terminal: true, shell: true })
    .waitForExit()

  expect(output).toBe('/bin/sh\r\ntty\r\n')
})

test('invalid UTF-8 and split characters come through', async () => {
  const proctor = await givenProctor()
  const euro = [0xe2, 0x82, 0xac]
  const script = `const bytes = ${JSON.stringify([...euro, 0xff, 0xe2, 0x82, 0x41, ...euro])};
    const next = () => bytes.length > 0 ? process.stdout.write(Buffer.from([bytes.shift()]), () => setImmediate(next)) : 0;
    next()`

  const terminal = proctor.run('node', ['-e', script], { terminal: true })
  const { output } = await terminal.waitForSuccessfulExit(patience)

  expect(output).toBe('€\ufffd\ufffdA€')
  expect(terminal.screen.stripped).toMatch(/^€.*A€$/)
})

test('a flood of escape sequences is drawn in bounded memory, and other things go on meanwhile', async () => {
  const proctor = await givenProctor({ maxOutput: 1024 * 1024 })
  const sequences = String.raw`\033[31mred\033[0m\033[5;10H\033[K\033[2147483647b\033[1;5r\033]0;title\007\033[m\033[6n\033]8;;x:y\007link\033]8;;\007`
  const before = process.memoryUsage.rss()
  let turns = 0
  const counter = setInterval(() => (turns += 1), 20)
  const flood = inTerminal(
    proctor,
    `stty raw -echo; yes "$(printf '${sequences}')" | head -c ${rounds(30_000_000, 6_000_000)}; printf '\\033c\\nthe end'; cat`,
  )

  await flood.waitForScreen((screen) => screen.stripped === '\nthe end', { timeout: 80_000 })
  clearInterval(counter)

  expect(flood.output.length).toBeLessThan(1.1 * 1024 * 1024)
  expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024)
  expect(turns).toBeGreaterThan(10)
}, 90_000)

test('a program that does not read stops nobody else, and one that reads later gets everything', async () => {
  const proctor = await givenProctor({ waitTimeout: 300 })
  const deaf = inTerminal(proctor, 'stty raw -echo; echo ready; sleep 600')
  const later = inTerminal(proctor, 'stty raw -echo; echo ready; sleep 0.5; head -c 300000 | wc -c')
  await Promise.all([deaf, later].map((each) => each.waitForOutput('ready', patience)))

  // This is more than the kernel buffers for a program that does not read.
  const error = await rejection(deaf.write('x'.repeat(1024 * 1024)))
  await Promise.allSettled([later.write('y'.repeat(300_000))])

  expect(error.name).toBe('WaitTimeoutError')
  expect(await later.waitForSuccessfulExit(patience)).toMatchObject({ output: 'ready\n300000\n' })
  const writing = rejection(deaf.write('z'))
  deaf.signal('SIGKILL')
  expect(await writing).toMatchObject({ name: 'UnexpectedExitError', exitSignal: 'SIGKILL' })
})

test('fake timers stop neither the screen nor the news of an exit', async () => {
  const proctor = await givenProctor({ leaks: 'kill' })
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  // The process that is left behind holds the terminal open.
  const terminal = inTerminal(proctor, 'echo up; (trap "" HUP; echo deaf; exec sleep 600) & read line; exit 3')

  await terminal.waitForScreen(/up\s+deaf/)
  await terminal.press('Enter')

  expect(await terminal.waitForExit(patience)).toMatchObject({ exitCode: 3 })
})

test('a program does not inherit the terminals of others', async () => {
  const proctor = await givenProctor()
  const first = inTerminal(proctor, 'cat')

  const second = inTerminal(proctor, 'ls -l /proc/self/fd')
  const { output } = await second.waitForSuccessfulExit()

  expect(first.running).toBe(true)
  expect(output).toContain('/dev/pts/')
  expect(output).not.toContain('ptmx')
})

test('when the worker is killed, a program that ignores SIGHUP dies too', async () => {
  const script = `
    import { createProctor } from ${JSON.stringify(inRoot('dist/index.js'))}
    const proctor = await createProctor()
    const command = "trap '' HUP TERM; (setsid sleep 600) & echo $! $$; while :; do sleep 600; done"
    const deaf = proctor.run('sh', ['-c', command], { terminal: true })
    const [, ...pids] = await deaf.waitForOutput(/(\\d+) (\\d+)\\r\\n/)
    console.log('pids', ...pids)
    setInterval(() => {}, 1000)`
  const inner = startInner(process.execPath, ['--input-type=module', '-e', script])
  await expect.poll(() => inner.output(), patience).toMatch(/pids \d+ \d+\n/)
  const pids = inner.output().match(/\d+/g)!.map(Number).map(witness)

  inner.child.kill('SIGKILL')
  await inner.result

  await expect.poll(() => pids.filter(isStillAlive), patience).toEqual([])
})

test('without the packages that it needs, a terminal says how to install them', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  cpSync(inRoot('dist'), `${folder}/dist`, { recursive: true })
  const script = `
    import { createProctor, MissingDependencyError } from ${JSON.stringify(`${folder}/dist/index.js`)}
    const proctor = await createProctor()
    try {
      proctor.run('cat', [], { terminal: true })
    } catch (error) {
      console.log(error instanceof MissingDependencyError, error.message, [error.packageName, error.install])
    }
    console.log((await proctor.teardown()).commands.length)`
  const { output } = await startInner(process.execPath, ['--input-type=module', '-e', script], { cwd: folder }).result

  const install = 'npm install --save-dev @lydell/node-pty @xterm/headless'
  expect(output).toBe(
    `true A command in a terminal needs the package @xterm/headless, and it is not installed. Install it: ${install} [\n` +
      `  '@xterm/headless',\n  '${install}'\n]\n0\n`,
  )
  expect(new MissingDependencyError('', { packageName: '', install })).toMatchObject({ name: 'MissingDependencyError' })
})
