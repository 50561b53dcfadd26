import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { cleanEnvironment, dist, type InnerResult, type InnerRun, inRoot, startInner } from '../../inner-run.js'
import { readTraceFile } from '../../trace-model.js'
import { cli, program, sleepersOf, startRun, uniqueNumber } from './proctor-run.js'

const folder = mkdtempSync(join(tmpdir(), 'run-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The arguments that run a line of shell. */
const sh = (line: string): string[] => ['--', 'sh', '-c', line]

describe('what is passed on', () => {
  test('streams and exit code; it prints nothing if nothing is left', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'run', ...sh('cat; echo no >&2; exit 7')], {
      input: 'in and out',
      env: cleanEnvironment(),
      encoding: 'utf8',
    })
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: 'in and out', stderr: 'no\n' })
  })

  test.each(['SIGKILL', 'SIGTERM', 'SIGSEGV', 'SIGUSR1'])('a death by %s', async (signal) => {
    const { result } = startRun(sh(`kill -${signal.slice(3)} $$`))
    expect(await result).toMatchObject({ exitCode: null, signal, output: '' })
  })

  test('a death by a real-time signal, which Node takes for exit code 0', () => {
    const file = join(folder, 'real-time.json')
    const line = `node ${cli} run --json ${file} -- sh -c 'kill -40 $$'; exit $?`
    expect(spawnSync('bash', ['-c', line], { env: cleanEnvironment() }).status).toBe(128 + 40)
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ exitCode: null, exitSignal: 'SIG40' })
  })

  test('a script without a #! line, by its path and on PATH', () => {
    const script = join(folder, 'plain-script')
    writeFileSync(script, 'echo "ran $1"; exit 4\n', { mode: 0o755 })
    const env = cleanEnvironment({ PATH: `${folder}:${process.env['PATH']}` })
    for (const command of [script, 'plain-script']) {
      const { status, stdout } = spawnSync(process.execPath, [cli, 'run', '--', command, 'it'], {
        env,
        encoding: 'utf8',
      })
      expect({ status, stdout }).toEqual({ status: 4, stdout: 'ran it\n' })
    }
  })

  test('files beyond the standard streams, under their numbers', () => {
    const line = `node ${cli} run -- sh -c 'echo three >&3; echo seven >&7' 3>${folder}/3 7>${folder}/7`
    expect(spawnSync('bash', ['-c', line], { env: cleanEnvironment() }).status).toBe(0)
    expect(readFileSync(`${folder}/3`, 'utf8') + readFileSync(`${folder}/7`, 'utf8')).toBe('three\nseven\n')
  })

  test('however few files may be open: it runs and is contained, or one sentence says why not', () => {
    for (const most of [20, 21, 22, 23, 24, 25]) {
      const line = `ulimit -n ${most}; exec node ${cli} run -- true`
      const { stderr } = spawnSync('bash', ['-c', line], { env: cleanEnvironment(), encoding: 'utf8' })
      expect(stderr).not.toMatch(/Unhandled|ReferenceError|TypeError/)
      expect(stderr).toMatch(/^(?:proctor: .*\n)?$/)
    }
  })

  test.runIf(process.platform === 'linux')('arguments and variables that are no UTF-8, byte by byte', () => {
    const inner = `printf '%s|' "$@"; printf '%s' "$VALUE"`
    const line = `VALUE=$'v\\377\\n' exec node ${cli} run -- sh -c '${inner.replaceAll("'", String.raw`'\''`)}' '' $'\\377 a\\n' "ü" '$(x)' ''`
    const { status, stdout } = spawnSync('bash', ['-c', line], { env: cleanEnvironment(), encoding: 'latin1' })
    const umlaut = Buffer.from('ü').toString('latin1')
    expect({ status, stdout }).toEqual({ status: 0, stdout: `\u00FF a\n|${umlaut}|$(x)||v\u00FF\n` })
  })

  test('a command that does not exist or cannot be executed', async () => {
    expect(await startRun(['--', 'no-such-command']).result).toMatchObject({
      exitCode: 127,
      output: 'proctor: no-such-command: no such command\n',
    })
    expect(await startRun(['--', '/etc/passwd']).result).toMatchObject({
      exitCode: 126,
      output: 'proctor: /etc/passwd: permission denied\n',
    })
  })
})

test.each([
  [['true'], 'Unexpected true. The command comes after `--`: proctor run -- COMMAND.'],
  [[], 'The command is missing: proctor run [options] -- COMMAND.'],
  [['--'], 'The command is missing: proctor run [options] -- COMMAND.'],
  [['--timeuot', '5', '--', 'true'], /^Unknown option --timeuot. Accepted are --timeout, /],
  [['--timeout', '--', 'true'], '--timeout needs a value.'],
  [['--timeout=soon', '--', 'true'], /^--timeout is soon. Accepted is a number above 0 of milliseconds/],
  [['--leaks', 'ignore', '--', 'true'], '--leaks is ignore. Accepted are fail, kill, warn, report.'],
  [['--allow', '/(/', '--', 'true'], /^--allow: '\/\(\/' is no regular expression/],
  [['--trace', '/dev/null', '--', 'true'], 'No trace can be written to /dev/null: it is no file'],
  [['--trace', '.', '--', 'true'], /^No trace can be written to \/.*: it is no file$/],
  [['--trace=', '--', 'true'], '--trace needs a value.'],
  [['--json', '/no/such/file', '--', 'true'], '--json: /no/such/file cannot be written (ENOENT).'],
])('a wrong command line is one sentence: %j', async (args, message) => {
  const { exitCode, stdout, stderr } = await startRun(args).result
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr.replace(/^proctor: (.*)\n$/, '$1')).toMatch(message)
})

test('a trace that cannot be kept is a sentence, and the exit code is the command’s', async () => {
  const { exitCode, stderr } = await startRun(['--trace', '/proc/no.html', ...sh('exit 3')]).result
  expect(exitCode).toBe(3)
  expect(stderr).toMatch(/^proctor: (?:--trace: |No trace can be written to ).*\n$/)
})

describe('what the command leaves', () => {
  const patience = ['--leak-timeout', '100']

  test('is shown as a tree and ended; exit code 1 instead of 0', async () => {
    const number = uniqueNumber()
    const { exitCode, stderr } = await startRun([...patience, ...sh(`setsid sh -c 'sleep ${number}; :' & exit 0`)])
      .result
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      /^proctor: 2 processes outlived `sh -c .*` and were ended\n\n {2}sh -c .* exited 0 after \d+ ms\n/,
    )
    expect(stderr).toMatch(/ {2}└─ \d+ sh -c .* left the group \(own session\) +ran \d+ ms +SIGTERM\n/)
    expect(stderr).toMatch(
      new RegExp(` {5}└─ \\d+ sleep ${number} +left the group \\(own session\\) +ran \\d+ ms +SIGTERM\\n`),
    )
    expect(sleepersOf(number)).toEqual([])
  })

  test.each([
    ['fail', 0, 1, true, 0],
    ['fail', 5, 5, true, 0],
    ['warn', 0, 0, true, 0],
    ['kill', 0, 0, false, 0],
    ['report', 0, 0, true, 1],
  ])('--leaks %s, own exit code %i', async (policy, own, exitCode, isNamed, alive) => {
    const number = uniqueNumber()
    const inner = startRun([
      ...patience,
      '--leaks',
      policy,
      ...sh(`setsid -f sleep ${number} >/dev/null 2>&1; exit ${own}`),
    ])
    const result = await inner.result
    expect(result.exitCode).toBe(exitCode)
    expect(result.stderr.includes(`sleep ${number}`)).toBe(isNamed)
    expect(sleepersOf(number)).toHaveLength(alive)
    for (const pid of sleepersOf(number)) process.kill(pid)
  })

  test('may be allowed, together with what it has started, by parts of command lines and regular expressions', async () => {
    const [one, two] = [uniqueNumber(), uniqueNumber()]
    const line = `exec >/dev/null 2>&1; setsid -f sleep ${one}; setsid -f sh -c 'sleep ${two}; :' keeper; exit 0`
    const allow = ['--allow', `sleep ${one}`, `/^sh .* keeper$/`]
    const result = await startRun([...patience, ...allow, ...sh(line)]).result
    expect(result).toMatchObject({ exitCode: 0, output: '' })
    expect([sleepersOf(one).length, sleepersOf(two).length]).toEqual([1, 1])
    for (const pid of [...sleepersOf(one), ...sleepersOf(two)]) process.kill(pid)
  })

  test('is written as data by --json', async () => {
    const [file, number] = [join(folder, 'report.json'), uniqueNumber()]
    await startRun([...patience, '--json', file, ...sh(`setsid -f sleep ${number}; exit 3`)]).result
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      exitCode: 3,
      exitSignal: null,
      endedBy: 'itself',
      left: [{ command: `sleep ${number}`, place: 'left the group (own session)', outcome: 'SIGTERM' }],
      allowed: [],
      alive: 0,
    })
  })

  test.each([
    ['', (number: string) => `sh -c 'setsid sleep ${number} & sleep 0.3'; exit 0`],
    [', although its parent has gone at once', (number: string) => `setsid -f sleep ${number}; exit 0`],
  ])('is in the picture that --trace draws%s', async (_, lineOf) => {
    const [file, number] = [join(folder, 'trace.html'), uniqueNumber()]
    await startRun([...patience, '--trace', file, ...sh(lineOf(number))]).result
    const { state, commands, processes } = readTraceFile(file)
    expect({ state, exit: commands[0]?.exit }).toMatchObject({ state: 'failed', exit: { code: 0, signal: null } })
    const left = processes.find(({ commands: own }) => own.some(({ command }) => command === `sleep ${number}`))
    expect(left?.finding).toEqual(expect.objectContaining({ outcome: 'SIGTERM' }))
    expect(left?.orphanedAt).toBeGreaterThan(0)
  })

  test('a process that exits within the leak timeout is not a leak', async () => {
    expect(await startRun(sh('sleep 0.4 & exit 0')).result).toMatchObject({ exitCode: 0, output: '' })
  })

  test('a neighbour in the same group, as in a pipeline, is not a leak and lives on', async () => {
    const [mine, neighbours] = [uniqueNumber(), uniqueNumber()]
    const line = `sleep ${neighbours} & node ${cli} run --leak-timeout 100 -- sh -c 'sleep ${mine} & exit 0' | cat; echo $!`
    const child = spawn('sh', ['-c', line], {
      env: cleanEnvironment(),
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    expect([sleepersOf(mine).length, sleepersOf(neighbours).length]).toEqual([0, 1])
    for (const pid of sleepersOf(neighbours)) process.kill(pid)
  })
})

describe('its end before its time', () => {
  test('--timeout: SIGTERM, grace, SIGKILL; 124; what ran is named', async () => {
    const number = uniqueNumber()
    const line = `trap 'echo cleaned up' TERM; (trap '' TERM; exec sleep ${number}) & wait; wait`
    const { exitCode, stdout, stderr } = await startRun(['--timeout', '700ms', '--grace', '300', ...sh(line)]).result
    expect({ exitCode, stdout }).toEqual({ exitCode: 124, stdout: 'cleaned up\n' })
    expect(stderr).toMatch(/^proctor: `sh -c .*` timed out and was ended, and 1 process with it\n/)
    expect(stderr).toMatch(new RegExp(`└─ \\d+ sleep ${number} +in the group +ran \\d+ ms +SIGKILL`))
    expect(sleepersOf(number)).toEqual([])
  })

  test('a signal to its pid alone is passed on once; a second one ends it by force', async () => {
    const inner = startRun(['--', 'node', program('counts-signals.mjs')])
    await until(() => inner.output().includes('ready'))
    inner.child.kill('SIGTERM')
    await until(() => inner.output().includes('got SIGTERM'))
    // If it came before proctor could tell a signal to its pid from one to its group, as may be on a busy machine, those
    // within 250 ms of it are its copies.
    const again = setInterval(() => inner.child.kill('SIGTERM'), 100)
    inner.child.once('close', () => clearInterval(again))
    inner.child.kill('SIGTERM')
    expect(await inner.result).toMatchObject({
      signal: 'SIGKILL',
      stdout: expect.stringMatching(/^ready\n(?:got SIGTERM\n){1,2}$/),
    })
  })

  test('signals that would not end a program are passed on too', async () => {
    const inner = startRun(['--', 'node', program('counts-signals.mjs')])
    await until(() => inner.output().includes('ready'))
    for (const signal of ['SIGWINCH', 'SIGCONT', 'SIGURG', 'SIGALRM', 'SIGUSR2'] as const) {
      inner.child.kill(signal)
      await until(() => inner.output().includes(`got ${signal}`))
    }
    inner.child.kill('SIGKILL')
    expect(await inner.result).toMatchObject({ signal: 'SIGKILL' })
  })

  test('timeout(1) signals child and group: that is one wish, and the command gets its time', async () => {
    const line = `trap 'sleep 0.5; echo cleaned up; exit 9' TERM; echo ready; while :; do sleep 0.05; done`
    // `timeout` does the same when its time is up and when it is signalled.
    const inner = startInner('timeout', ['600', process.execPath, cli, 'run', ...sh(line)])
    await until(() => inner.output().includes('ready'))
    inner.child.kill('SIGTERM')
    const { stdout } = await inner.result
    expect(stdout).toBe('ready\ncleaned up\n')
  })

  test('timeout(1) that did not run between its two signals', async () => {
    const line = `trap 'echo got it; sleep 0.5; echo cleaned up; exit 9' TERM; echo ready; while :; do sleep 0.05; done`
    // What `timeout` does, with all the time that a busy machine may take between the two.
    const inner = await givenSignalled(line)
    process.kill(-inner.child.pid!, 'SIGTERM')
    const { stdout } = await inner.result
    expect(stdout.replaceAll('got it\n', '')).toBe('ready\ncleaned up\n')
  })

  test('timeout(1) that signals while the command starts', async () => {
    const cleanUp = `trap '' TERM; sleep 0.5; echo cleaned up; exit 9`
    // The first thing that the command does is to signal our pid, which the shell has had before us, and then our group.
    const command = `trap "${cleanUp}" TERM; (trap '' TERM; kill -TERM $0; kill -TERM 0) & while :; do sleep 0.05; done`
    const { stdout } = await startInner('sh', [
      '-c',
      'exec "$@" $$',
      'sh',
      process.execPath,
      cli,
      'run',
      ...sh(command),
    ]).result
    expect(stdout).toBe('cleaned up\n')
  })

  test('the group that gets it again has wished for the end', async () => {
    const line = `trap 'echo got it' TERM; echo ready; while :; do sleep 0.05; done`
    const inner = await givenSignalled(line)
    expect(await signalled(inner, 100)).toMatchObject({ signal: 'SIGKILL' })
  })

  test('more signals do not keep it from saying what it found', async () => {
    const file = join(folder, 'signalled.html')
    const line = `trap 'echo got it' TERM; echo ready; while :; do sleep 0.05; done`
    const { signal, stderr } = await signalled(await givenSignalled(line, ['--trace', file]), 2)
    expect({ signal, stderr }).toEqual({ signal: 'SIGKILL', stderr: expect.stringContaining('was ended by force') })
    expect(readTraceFile(file).processes).not.toEqual([])
  })
})

/**
 * Signals the group until it has ended, because what comes within 250 ms of the first is a copy of it. `interval` is in
 * ms.
 */
async function signalled({ child, result }: InnerRun, interval: number): Promise<InnerResult> {
  const again = setInterval(() => process.kill(-child.pid!, 'SIGTERM'), interval)
  child.once('exit', () => clearInterval(again))
  return await result
}

/** Starts a shell, and signals the pid of its `proctor run` alone once it is ready. */
async function givenSignalled(line: string, options: readonly string[] = []): Promise<InnerRun> {
  const inner = startRun([...options, ...sh(line)])
  await until(() => inner.output().includes('ready'))
  inner.child.kill('SIGTERM')
  await until(() => inner.output().includes('got it'))
  return inner
}

async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 20_000, interval: 10 }).toBe(true)
}

describe('inside of each other', () => {
  test('the inner one ends what was left in it, and the outer one reports nothing', async () => {
    const number = uniqueNumber()
    const inner = ['node', cli, 'run', '--leak-timeout', '100', ...sh(`setsid -f sleep ${number}`)]
    const { exitCode, stderr } = await startRun(['--', ...inner]).result
    expect(exitCode).toBe(1)
    expect(stderr.match(/outlived/g)).toHaveLength(1)
    expect(sleepersOf(number)).toEqual([])
  })

  // On a busy machine, the outer one reported the guardian of the inner one, which was looking for what had gone.
  test('the guardian of a run that has ended everything has nothing to do', async () => {
    const copy = join(folder, 'dist')
    cpSync(dist, copy, { recursive: true })
    symlinkSync(inRoot('node_modules'), join(folder, 'node_modules'))
    writeFileSync(join(copy, 'guardian-ending.js'), `require('node:fs').writeFileSync('${folder}/has-looked', '')`)
    const inner = ['node', join(copy, 'cli.cjs'), 'run', '--leak-timeout', '100', ...sh('setsid -f sleep 1000')]
    // The outer one waits for the guardian.
    expect(await startRun(['--leak-timeout', '20s', '--', ...inner]).result).toMatchObject({ exitCode: 1 })
    expect(existsSync(join(folder, 'has-looked'))).toBe(false)
  })

  test('the outer one ends what a killed inner one has left', async () => {
    const number = uniqueNumber()
    const up = join(folder, `up-${number}`)
    const inner = `node ${cli} run -- sh -c 'setsid -f sleep ${number}; : > ${up}; sleep 600'`
    const line = `${inner} & until [ -e ${up} ]; do sleep 0.05; done; kill -9 $!; exit 0`
    await startRun([...sh(line)]).result
    expect(sleepersOf(number)).toEqual([])
  })

  test('tests that use proctor behave as they do elsewhere', async () => {
    const number = uniqueNumber()
    const script = `import { createProctor } from 'proctor'
      const proctor = await createProctor({ leakTimeout: 100 })
      await proctor.run('setsid', ['-f', 'sleep', '${number}']).waitForExit()
      console.log(await proctor.teardown().catch((error) => error.name))`
    const result = await startRun(['--', 'node', '--input-type=module', '-e', script]).result
    expect(result).toMatchObject({ exitCode: 0, output: 'LeakedProcessError\n' })
  })
})
