// What is left alive after each peer's own teardown. The experiment has six processes, each of which escapes something.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { createProctor } from 'proctor'
import { say } from './side-by-side.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const script = path('peers.sh')
const names = ['leader', 'normal', 'stubborn', 'orphan', 'session', 'daemon']

/** Which of the six are alive, read from /proc. Each has the number and its own name in its command line. */
function alive(number) {
  const found = new Map()
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0')
      if (words.includes(number)) for (const name of names) if (words.includes(name)) found.set(name, Number(pid))
    } catch {
      // Gone meanwhile.
    }
  }
  return found
}

async function until(what, timeout = 5000) {
  for (const deadline = performance.now() + timeout; performance.now() < deadline; await sleep(10))
    if (what()) return true
  return false
}

const ended = (child) =>
  new Promise((resolve) => ((child.exitCode ?? child.signalCode) === null ? child.once('exit', resolve) : resolve()))

const peers = (modules) => ({
  'execa, kill()': async (args) => {
    const subprocess = execa('sh', args, { reject: false })
    return { stop: () => subprocess.kill(), crash: () => ended(subprocess) }
  },
  'execa, detached, process.kill(-pid)': async (args) => {
    const subprocess = execa('sh', args, { reject: false, detached: true })
    return { stop: () => subprocess.pid && process.kill(-subprocess.pid, 'SIGTERM'), crash: () => ended(subprocess) }
  },
  'tree-kill, SIGKILL': async (args) => {
    const child = spawn('sh', args, { stdio: 'ignore' })
    return {
      stop: () => new Promise((resolve) => modules.treeKill(child.pid, 'SIGKILL', resolve)),
      crash: () => ended(child),
    }
  },
  'spawnd, destroy()': async (args) => {
    const proc = modules.spawnd(`sh ${args.join(' ')}`, { shell: true })
    return { stop: () => proc.destroy(), crash: () => sleep(300) }
  },
  'cli-testing-library, cleanup()': async (args) => {
    const instance = await modules.cli.render('sh', args)
    return { stop: () => modules.cli.cleanup(), crash: () => ended(instance.process) }
  },
  'proctor, kill()': async (args) => {
    const proctor = await createProctor({ leaks: 'kill', leakTimeout: 0, unexpectedExit: 'ignore' })
    const command = proctor.run('sh', args)
    return { stop: () => command.kill(), crash: () => command.waitForExit(), after: () => proctor.teardown() }
  },
  'proctor, teardown()': async (args) => {
    const proctor = await createProctor({ leaks: 'kill', leakTimeout: 0, unexpectedExit: 'ignore' })
    const command = proctor.run('sh', args)
    return { stop: () => proctor.teardown(), crash: () => command.waitForExit() }
  },
  'proctor, basic, teardown()': async (args) => {
    const proctor = await createProctor({
      leaks: 'kill',
      leakTimeout: 0,
      unexpectedExit: 'ignore',
      containment: 'basic',
    })
    const command = proctor.run('sh', args)
    return { stop: () => proctor.teardown(), crash: () => command.waitForExit() }
  },
})

async function experiment(start, isCrash) {
  const number = String(1_000_000_000 + Math.floor(Math.random() * 1_000_000_000))
  const peer = await start([script, number])
  if (!(await until(() => alive(number).size === names.length)))
    throw new Error(`not up: ${[...alive(number).keys()].join(' ')}`)
  if (isCrash) {
    process.kill(alive(number).get('leader'), 'SIGSEGV')
    await Promise.race([peer.crash(), sleep(500)])
  }
  const begin = performance.now()
  try {
    await Promise.race([peer.stop(), sleep(5000)])
  } catch {
    // proctor's kill() reports a command that has crashed, after it has ended the rest.
  }
  const took = performance.now() - begin
  await until(() => alive(number).size === 0, 1500)
  const left = alive(number)
  for (const pid of left.values()) process.kill(pid, 'SIGKILL')
  await peer.after?.()
  return { left: [...left.keys()], took }
}

export async function run() {
  const folder = path('peers/')
  if (!existsSync(`${folder}node_modules`)) {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--silent'], { cwd: folder })
  }
  const modules = await import('./peers/load.mjs')
  const results = {}
  for (const isCrash of [false, true]) {
    say(
      `\n${isCrash ? 'The leader has crashed, then' : 'The leader runs, then'} each one's own teardown. ✗ is alive 1.5 s later.`,
    )
    say(`  ${''.padEnd(38)}${names.map((name) => name.padStart(9)).join('')}   settled in`)
    for (const [name, start] of Object.entries(peers(modules))) {
      if (isCrash && name.startsWith('spawnd')) {
        say(`  ${name.padEnd(38)}   not run: it sends itself the signal that its child has died of`)
        continue
      }
      const { left, took } = await experiment(start, isCrash)
      results[`${name}${isCrash ? ', the leader crashed' : ''}`] = { left, took }
      say(
        `  ${name.padEnd(38)}${names.map((each) => (left.includes(each) ? '✗' : '✓').padStart(9)).join('')}   ${took.toFixed(0)} ms`,
      )
    }
  }
  return results
}
