// Six processes that outlive their parent, under a runner that is ended in one of six ways: what is alive afterwards,
// and what was reported. `npm run bench -- run` and the test of `proctor run` use it.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const cli = join(root, 'dist/cli.cjs')
const program = join(root, 'fixtures/programs/run/six-escapees.sh')
const six = `sh ${program} "$SIX_NUMBER" "$SIX_END"`

const files = {
  'package.json': JSON.stringify({ private: true, scripts: { test: six } }),
  'six.test.mjs': `import { execSync } from 'node:child_process'
import test from 'node:test'
test('six', () => void execSync(${JSON.stringify(six)}, { stdio: 'ignore' }))`,
  'six.bun.test.js': `import { execSync } from 'node:child_process'
import { test } from 'bun:test'
test('six', () => void execSync(${JSON.stringify(six)}, { stdio: 'ignore' }), 60000)`,
  // bats waits for every process that holds its file descriptor 3.
  'six.bats': `@test "six" { ${six} >/dev/null 2>&1 3>&-; }`,
  'test_six.py': `import os, subprocess
def test_six(): subprocess.run(${JSON.stringify(six)}, shell=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)`,
}

/** The distribution's bats, if it has one. */
const bats = (peers) => (existsSync('/usr/bin/bats') ? '/usr/bin/bats' : join(peers, 'node_modules/bats/bin/bats'))

/** The commands that start the six, by name. `peers` is a folder with bats and bun in its node_modules. */
export const runners = (peers) => ({
  'a shell script': ['sh', '-c', `${six} & wait $!`],
  'npm test': ['npm', 'test', '--silent'],
  'node --test': [process.execPath, '--test', 'six.test.mjs'],
  bats: [bats(peers), 'six.bats'],
  pytest: ['python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', 'test_six.py'],
  'bun test': [join(peers, 'node_modules/.bin/bun'), 'test', './six.bun.test.js'],
})

export const endings = ['exits 0', 'fails', 'times out', 'Ctrl-C', 'SIGTERM', 'SIGKILL']

const timed = (command, seconds) => (seconds === undefined ? command : ['timeout', String(seconds), ...command])

const wrappers = {
  nothing: timed,
  'bun --no-orphans': ([bun, ...rest], seconds) => timed([bun, '--no-orphans', ...rest], seconds),
  'proctor run': (command, seconds, json) => {
    const timeout = seconds === undefined ? [] : ['--timeout', `${seconds}s`]
    return [process.execPath, cli, 'run', '--leak-timeout', '200', '--json', json, ...timeout, '--', ...command]
  },
}

/** The processes whose command line matches. A zombie has none. */
function processesWith(isLookedFor) {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1)
      return isLookedFor(words) ? [Number(name)] : []
    } catch {
      return [] // Gone while it was read.
    }
  })
}

/** The processes that sleep for this number of seconds. */
export const sleepersOf = (number) =>
  processesWith((words) => words.at(-1) === number && words.at(-2)?.endsWith('sleep') === true)

/** The processes that have started the six, and stay. Without a runner, nothing ends them either. */
const startersOf = (number) => processesWith((words) => words.includes(program) && words.includes(number))

async function until(holds, limit) {
  const deadline = performance.now() + limit
  while (!holds() && performance.now() < deadline) await sleep(10)
}

const environment = (more) => {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(?:NODE_TEST_CONTEXT|VITEST|npm_|NODE_OPTIONS$)/.test(name),
  )
  return { ...Object.fromEntries(own), ...more }
}

/** Starts the command in a session of its own, as a harness does. */
function startPlain([file, ...args], options) {
  const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  return {
    pid: child.pid,
    output: () => output,
    exit,
    interrupt: () => child.kill('SIGINT'),
    close: () => {
      child.stdout.destroy()
      child.stderr.destroy()
    },
  }
}

/** Starts the command in a terminal, and presses Ctrl-C there. */
function startInTerminal([file, ...args], { cwd, env }) {
  const pty = createRequire(join(root, 'package.json'))('@lydell/node-pty')
  const terminal = pty.spawn(file, args, { cwd, env, cols: 200, rows: 50 })
  let output = ''
  terminal.onData((text) => (output += text))
  const names = { 0: null, 2: 'SIGINT', 9: 'SIGKILL', 15: 'SIGTERM' }
  const exit = new Promise((resolve) =>
    terminal.onExit(({ exitCode, signal }) =>
      resolve({ code: signal ? null : exitCode, signal: signal ? (names[signal] ?? String(signal)) : null }),
    ),
  )
  return { pid: terminal.pid, output: () => output, exit, interrupt: () => terminal.write('\u0003'), close() {} }
}

function endNow(pid) {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has exited by itself.
  }
}

let counted = 0

/**
 * Runs six escapees under a runner, and brings the run to one of the endings.
 *
 * @returns how many of them were seen, how many are alive, how the run exited, and what was reported and found.
 */
export async function tryOut(command, ending, wrapper) {
  if (ending !== 'times out') return attempt(command, ending, wrapper)
  for (let seconds = 2; ; seconds *= 2) {
    const trial = await attempt(command, ending, wrapper, seconds)
    // A run that timed out before the six were up says nothing about them. On a busy machine, pytest alone takes 2 s.
    if (trial.seen >= 6 || seconds === 16) return trial
  }
}

async function attempt(command, ending, wrapper, seconds) {
  const folder = mkdtempSync(join(tmpdir(), 'six-'))
  const number = `${5000 + (counted += 1)}.${process.pid}`
  const json = join(folder, 'report.json')
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const code = { 'exits 0': '0', fails: '7' }[ending] ?? 'stay'
  const env = environment({ SIX_NUMBER: number, SIX_END: code })
  const start = ending === 'Ctrl-C' ? startInTerminal : startPlain
  const started = start(wrappers[wrapper](command, seconds, json), { cwd: folder, env })
  let hasEnded = false
  void started.exit.then(() => (hasEnded = true))
  let seen = 0
  await until(() => (seen = Math.max(seen, sleepersOf(number).length)) >= 6 || hasEnded, 20_000)
  // Only its number leads from an orphan that hides everything back to the command. It is looked up ten times a second.
  if (ending === 'SIGKILL') await sleep(400)
  if (ending === 'Ctrl-C') started.interrupt()
  if ((ending === 'SIGTERM' || ending === 'SIGKILL') && !hasEnded) process.kill(started.pid, ending)
  const exit = await Promise.race([started.exit, sleep(20_000).then(() => ({ code: null, signal: 'never' }))])
  if (wrapper !== 'proctor run' || ending === 'SIGKILL')
    await until(() => sleepersOf(number).length === 0, wrapper === 'nothing' ? 1000 : 4000)
  const alive = sleepersOf(number)
  await sleep(50)
  const report =
    existsSync(json) && readFileSync(json, 'utf8') !== '' ? JSON.parse(readFileSync(json, 'utf8')) : undefined
  for (const pid of [...startersOf(number), ...alive]) endNow(pid)
  if (exit.signal === 'never') process.kill(started.pid, 'SIGKILL')
  started.close()
  rmSync(folder, { recursive: true, force: true })
  return { seen, alive: alive.length, exit, output: started.output(), report, number }
}
