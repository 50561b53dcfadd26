import {
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
  execFileSync,
  spawn,
  spawnSync,
} from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Pipe } from '../escapes/witness.js'
import { dist, inRoot } from '../inner-run.js'
import {
  endByCommandLine,
  eventually,
  expectNothingLeft,
  findByCommandLine,
  isRunning,
  makeFolder,
  removeFolder,
  uniqueNumber,
  workspacesIn,
} from '../machine.js'
import { needs } from '../needs.js'
import { childrenOf, environmentOf, statOf } from '../proc.js'

// The guardian, its script and what it starts, on real processes of real workers.

const program = (name: string): string => inRoot(`fixtures/programs/faults/${name}`)

interface Worker {
  readonly child: ChildProcess
  readonly folder: string
  readonly said: { readonly worker: number; readonly command: number; readonly workspace: string }
}

function givenFolder(): string {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  return folder
}

/** A worker that runs a script which prints `up`. */
async function givenWorker(
  script: string,
  options: object = {},
  env: NodeJS.ProcessEnv = {},
  folder = givenFolder(),
): Promise<Worker> {
  const child = spawn(process.execPath, [program('worker.mjs'), dist, script, JSON.stringify(options)], {
    env: { ...process.env, TMPDIR: folder, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const line = await eventually(() => /^\{.*\}$/m.exec(output)?.[0], 'the worker says what it has started')
  return { child, folder, said: JSON.parse(line) as Worker['said'] }
}

function end(target: number): void {
  try {
    process.kill(target, 'SIGKILL')
  } catch {
    // It has gone, as it should.
  }
}

/** Ends what a failed test would leave, by the number in the command lines. */
function endAtLast(number: string): void {
  onTestFinished(() => endByCommandLine(number))
}

/** The pids of a worker's guardian and of the processes that the guardian has forked. */
const guardiansOf = (worker: number): number[] =>
  findByCommandLine('guardian.sh')
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => environmentOf(pid).includes(`PROCTOR_WORKER=${worker} `))

const startOf = (pid: number): string => statOf(pid)!.startTime

/** A group whose processes fork again and again. */
function givenStorm(): ChildProcess {
  const child = spawn('sh', ['-c', 'while :; do sleep 0.02; done'], { detached: true, stdio: 'ignore' })
  onTestFinished(() => end(-child.pid!))
  return child
}

/** Starts guardian.sh under this shell. */
function startScript([command, ...args]: readonly string[], env: NodeJS.ProcessEnv): ChildProcessWithoutNullStreams {
  return spawn(command!, [...args, join(dist, 'guardian.sh'), 'token'], {
    detached: true,
    cwd: '/',
    env: {
      PATH: process.env['PATH'],
      PROCTOR_NODE: process.execPath,
      PROCTOR_ENDING: join(dist, 'guardian-ending.js'),
      PROCTOR_WORKER: `${process.pid} ${startOf(process.pid)} token `,
      ...env,
    },
  })
}

/** Runs guardian.sh under this shell to the end, with these lines. Returns what it prints. */
async function runScript(shell: readonly string[], lines: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = startScript(shell, env)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const ended = new Promise((resolve) => void child.once('close', resolve))
  child.stdin.end(lines.map((line) => `${line}\n`).join(''))
  await ended
  return output
}

describe.each([['dash'], ['bash'], ['busybox', 'sh']])('guardian.sh under %s', (...shell) => {
  test('ends a group that forks every 20 ms, forgets what was taken back, and prints nothing', async () => {
    needs(shell[0])
    const [storm, forgotten] = [givenStorm(), givenStorm()]
    const lines = [storm, forgotten].map(({ pid }) => `g\t${pid}\t${startOf(pid!)}`)
    expect(await runScript(shell, [...lines, `-${lines[1]}`], {})).toBe('')
    expect(isRunning(storm.pid!)).toBe(false)
    expect(isRunning(forgotten.pid!)).toBe(true)
  })

  test('without Node ends the groups whose leader is the one that was told of, and no other', async () => {
    needs(shell[0])
    const [storm, stranger] = [givenStorm(), givenStorm()]
    const lines = [`g\t${storm.pid}\t${startOf(storm.pid!)}`, `g\t${stranger.pid}\t1`]
    expect(await runScript(shell, lines, { PROCTOR_NODE: '/deleted/node' })).toMatch(
      /deleted\/node.*not found|No such file/,
    )
    await eventually(() => (isRunning(storm.pid!) ? undefined : true), 'the end of the group')
    expect(isRunning(stranger.pid!)).toBe(true)
  })

  // Deno is called with two: run, --allow-all.
  test('gives the runtime its arguments one by one when the main process has died', async () => {
    needs(shell[0])
    const folder = givenFolder()
    const [node, said] = ['node', 'said'].map((name) => join(folder, name))
    writeFileSync(node!, `#!/bin/sh\nprintf '%s\\n' "$@" >"$SAID.new"; mv "$SAID.new" "$SAID"\n`, { mode: 0o755 })
    const main = spawn('sleep', [uniqueNumber()], { stdio: 'ignore' })
    onTestFinished(() => void main.kill('SIGKILL'))
    const child = startScript(shell, {
      SAID: said,
      PROCTOR_NODE: node,
      PROCTOR_NODE_ARGUMENTS: 'run\n--allow-all',
      PROCTOR_ENDING: '/ending.js',
      PROCTOR_MAIN: `${main.pid} ${startOf(main.pid!)}`,
    })
    onTestFinished(() => end(-child.pid!))
    // It waits between two looks at the main process.
    await eventually(() => (childrenOf(child.pid!).length > 0 ? true : undefined), 'the watch')
    main.kill('SIGKILL')
    const text = await eventually(() => (existsSync(said!) ? readFileSync(said!, 'utf8') : undefined), 'its arguments')
    expect(text).toBe('run\n--allow-all\n/ending.js\nworker\n')
  })
})

test('guardian.sh looks for what a worker has left that died before it told anything, and not when all was taken back', async () => {
  const env = { PROCTOR_NODE: '/deleted/node' }
  expect(await runScript(['sh'], [], env)).toContain('/deleted/node')
  expect(await runScript(['sh'], ['r\t"/none"', '-r\t"/none"'], env)).toBe('')
})

test('a guardian that was started anew and told nothing yet goes by the records that its worker had', async () => {
  const number = uniqueNumber()
  endAtLast(number)
  const { child, folder, said } = await givenWorker(`sleep ${number} & echo up; wait`)
  const guardian = guardiansOf(said.worker)[0]!
  const environment = environmentOf(guardian)
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)])
  child.kill('SIGSTOP')
  process.kill(guardian, 'SIGKILL')
  child.kill('SIGKILL')
  await new Promise((resolve) => void child.once('exit', resolve))
  expect(await runScript(['sh'], [], Object.fromEntries(environment) as NodeJS.ProcessEnv)).toBe('')
  await expectNothingLeft(number, folder)
})

test('a record that its worker had begun to write when it was killed is removed, and nothing else under such a name', async () => {
  const folder = givenFolder()
  const own = join(folder, `proctor-${process.geteuid!()}`)
  mkdirSync(own, { mode: 0o700 })
  const pathOf = (name: string): string => join(own, name)
  const names = ['empty.record', 'half.record', 'other.record', 'shared.record']
  writeFileSync(pathOf('empty.record'), '', { mode: 0o600 })
  writeFileSync(pathOf('half.record'), '{"id":"hal', { mode: 0o600 })
  writeFileSync(pathOf('other.record'), 'whole\n', { mode: 0o600 })
  writeFileSync(pathOf('shared.record'), '', { mode: 0o600 })
  chmodSync(pathOf('shared.record'), 0o622)
  const lines = names.map((name) => `r\t${JSON.stringify(pathOf(name))}`)
  expect(await runScript(['sh'], lines, {})).toBe('')
  expect(readdirSync(own)).toEqual(['other.record', 'shared.record'])
  rmSync(pathOf('other.record'))
  rmSync(pathOf('shared.record'))
  writeFileSync(pathOf('empty.record'), '', { mode: 0o600 })
  expect(await runScript(['sh'], lines, {})).toBe('')
  expect(existsSync(own)).toBe(false)
})

test('by the portable table, too, a group is known by when its leader started', async () => {
  needs('ps')
  const [storm, stranger] = [givenStorm(), givenStorm()]
  const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(storm.pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  const start = Date.parse(text) / 1000
  const env = { PROCTOR_PROCESS_TABLE: 'portable', PROCTOR_WORKER: `${process.pid} ${start - 5} token ` }
  await runScript(['sh'], [`g\t${storm.pid}\t${start}`, `g\t${stranger.pid}\t${start - 3600}`], env)
  expect(isRunning(storm.pid!)).toBe(false)
  expect(isRunning(stranger.pid!)).toBe(true)
})

test('by the portable table, too, what a killed worker has left is dead', async () => {
  needs('ps')
  const number = uniqueNumber()
  const script = `sleep ${number} & setsid sleep ${number} & echo up; wait`
  const { child, folder } = await givenWorker(script, {}, { PROCTOR_PROCESS_TABLE: 'portable' })
  child.kill('SIGKILL')
  // It starts ps(1) some thirty times, and each one reads every process of this machine: a second beside a storm.
  await expectNothingLeft(number, folder, 60_000)
}, 90_000)

test('its command line is the name of the script and a token', async () => {
  const number = uniqueNumber()
  const { child, folder } = await givenWorker(`echo up; sleep ${number}`)
  const line = findByCommandLine('guardian.sh').find((each) => statOf(Number.parseInt(each, 10))?.parent === child.pid)
  expect(line).toMatch(/^\d+ \/bin\/sh \S+\/guardian\.sh [0-9a-f]{16}$/)
  child.kill('SIGKILL')
  await expectNothingLeft(number, folder)
})

test('twenty programs that start each other anew, each in a session of its own, are dead', async () => {
  const number = uniqueNumber()
  endAtLast(number)
  const again = `setsid -f sh -c "$0" "$0" ${number}`
  const pause = 'sleep 0.0$((RANDOM % 9 + 1)) 2>/dev/null || sleep 0.03'
  const hop = `[ -e "$TMPDIR/stop" ] && exit; echo >> "$TMPDIR/hops"; ${pause}; ${again}`
  const start = `setsid -f sh -c "$hop" "$hop" ${number}`
  const script = `exec 9>"$TMPDIR/witness"; hop='${hop}'; i=0; while [ $i -lt 20 ]; do ${start}; i=$((i + 1)); done; echo up; sleep 1000`
  const folder = givenFolder()
  // A look at the process table misses most processes that live for milliseconds. They count themselves, and each one
  // inherits the pipe.
  const pipe = new Pipe(join(folder, 'witness'))
  onTestFinished(() => {
    writeFileSync(join(folder, 'stop'), '')
    pipe.close()
  })
  const { child } = await givenWorker(script, {}, {}, folder)
  await eventually(
    () => ((statSync(join(folder, 'hops'), { throwIfNoEntry: false })?.size ?? 0) >= 100 ? true : undefined),
    'they hop',
  )
  child.kill('SIGKILL')
  await eventually(() => (pipe.isHeld ? undefined : true), 'nobody holds the pipe', 40_000)
  await expectNothingLeft(number, folder)
}, 60_000)

test('a process that cleared its environment and left its session and folder is dead if its limits show the mark', async () => {
  const number = uniqueNumber()
  endAtLast(number)
  const script = `(cd / && setsid env -i sh -c 'exec >/dev/null 2>&1 </dev/null; sleep ${number} & :') >/dev/null 2>&1; env -i setsid sleep ${number} & echo up; wait`
  const { child, folder } = await givenWorker(script)
  await eventually(() => (findByCommandLine(`sleep ${number}`).length >= 2 ? true : undefined), 'both daemons')
  child.kill('SIGKILL')
  await expectNothingLeft(`sleep ${number}`, folder, 10_000)
})

const allowedDaemon = (number: string): string =>
  `cd /; setsid -f sh -c 'while :; do setsid -f sleep $1; sleep 0.05; done' allowed-daemon ${number} >/dev/null 2>&1; echo up`

test('an allowed process, and what it starts later, lives on after the worker’s end', async () => {
  const number = uniqueNumber()
  endAtLast(number)
  const { child, folder } = await givenWorker(allowedDaemon(number), { allow: ['allowed-daemon'] })
  const ended = new Promise((resolve) => void child.once('exit', resolve))
  child.stdin!.write('end\n')
  await ended
  const helpers = (): number => findByCommandLine(`sleep ${number}`).length
  // The guardian removes its record as it goes.
  await eventually(() => (readdirSync(folder).length === 0 ? true : undefined), 'the end of the guardian')
  const before = helpers()
  expect(findByCommandLine(`allowed-daemon ${number}`)).not.toEqual([])
  expect(before).toBeGreaterThan(0)
  await eventually(() => (helpers() > before ? true : undefined), 'another helper')
})

test('an allowed process lives on after a run that is swept, and does not fail it', async () => {
  const number = uniqueNumber()
  endAtLast(number)
  const folder = givenFolder()
  const script = `
    import { spawn } from 'node:child_process'
    const setup = (await import(${JSON.stringify(`${dist}/jest-global-setup.js`)})).default
    const teardown = (await import(${JSON.stringify(`${dist}/jest-global-teardown.js`)})).default
    await setup({}, {})
    const worker = spawn(process.execPath, [${JSON.stringify(program('worker.mjs'))}, ${JSON.stringify(dist)}, ${JSON.stringify(allowedDaemon(number))}, '{"allow":["allowed-daemon"]}'], { stdio: ['pipe', 'pipe', 'inherit'] })
    await new Promise((resolve) => void worker.stdout.once('data', resolve))
    worker.stdin.write('end')
    await new Promise((resolve) => void worker.once('exit', resolve))
    await teardown({}, {})
    console.log('exit code', process.exitCode ?? 0)`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder },
  })
  expect(stdout).toContain('exit code 0')
  expect(findByCommandLine(`allowed-daemon ${number}`)).not.toEqual([])
  expect(findByCommandLine(`sleep ${number}`).length).toBeGreaterThan(0)
})

test('a stranger that got the number of a command that has ended lives on', async () => {
  needs('root', 'unshare')
  const folder = givenFolder()
  const own = join(folder, `proctor-${process.getuid!()}`)
  const output = execFileSync(
    'unshare',
    ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, program('reused-number.mjs'), dist, own],
    { encoding: 'utf8', env: { ...process.env, TMPDIR: folder } },
  )
  expect(JSON.parse(output)).toEqual({ isSame: true, lives: true })
})

test('the guardian and its worker killed at once: a sweep finds processes, workspace and unfinished trace', async () => {
  const number = uniqueNumber()
  endAtLast(number)
  const { child, folder, said } = await givenWorker(`sleep ${number} & setsid -f sleep ${number}; echo up; wait`, {
    trace: 'on',
    traceDir: '/tmp/never-kept',
  })
  const guardians = guardiansOf(said.worker)
  expect(guardians.length).toBeGreaterThan(0)
  child.kill('SIGSTOP')
  for (const pid of guardians) process.kill(pid, 'SIGKILL')
  child.kill('SIGKILL')
  await new Promise((resolve) => void child.once('exit', resolve))
  const cli = (command: string): { stdout: string; status: number | null } =>
    spawnSync(process.execPath, [join(dist, 'cli.cjs'), command, '--json'], {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: folder },
    })
  const listed = cli('ps')
  expect(JSON.parse(listed.stdout)).toMatchObject({ workspaces: [said.workspace] })
  expect(listed.stdout.split(number).length).toBeGreaterThan(2)
  expect(listed.status).toBe(1)
  const swept = cli('sweep')
  expect(JSON.parse(swept.stdout)).toMatchObject({ left: [], removedWorkspaces: [said.workspace], leftWorkspaces: [] })
  expect(swept.status).toBe(0)
  expect(findByCommandLine(number)).toEqual([])
  expect(readdirSync(folder)).toEqual([])
})

describe('in a pid namespace with the /proc of the outer one', () => {
  const outside = ['unshare', '--pid', '--fork', '--kill-child', process.execPath]

  test('no command is started, and the reason is said at once', async () => {
    needs('root', 'unshare')
    const folder = givenFolder()
    const script = `const { createProctor } = await import(${JSON.stringify(`${dist}/index.js`)}); await createProctor().catch((error) => console.log(error.name + ': ' + error.message))`
    const output = execFileSync(outside[0]!, [...outside.slice(1), '--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: folder },
    })
    expect(output).toMatch(
      /^ContainmentError: No command can be contained here: \/proc is that of another pid namespace: this process is 1, and has the number \d+ there\./,
    )
  })

  test('a sweep judges nobody', async () => {
    needs('root', 'unshare')
    const number = uniqueNumber()
    endAtLast(number)
    const { child, folder, said } = await givenWorker(`sleep ${number} & echo up; wait`)
    const { stderr, status } = spawnSync(outside[0]!, [...outside.slice(1), join(dist, 'cli.cjs'), 'sweep'], {
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: folder },
    })
    expect(stderr).toMatch(/^proctor: Nothing can be told here\. \/proc is that of another pid namespace/)
    expect(status).toBe(1)
    expect(existsSync(said.workspace)).toBe(true)
    expect(isRunning(said.command)).toBe(true)
    expect(workspacesIn(folder)).toHaveLength(1)
    child.kill('SIGKILL')
    await expectNothingLeft(number, folder, 10_000)
  })
})
