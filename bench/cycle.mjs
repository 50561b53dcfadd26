// The cycle of one test: a workspace, `sleep 100` in it, kill, verify, clean. It is compared with the code that one
// would write by hand, which verifies nothing, with the peers, and with C.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import pidtree from 'pidtree'
import { createProctor } from 'proctor'
import psList from 'ps-list'
import { dir } from 'tmp-promise'
import { goal, isShort, print, say, sideBySide } from './side-by-side.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

const proctorsCycle = (containment, options) => async () => {
  const proctor = await createProctor({ containment })
  await proctor.run('sleep', ['100'], options).kill()
  await proctor.teardown()
}

async function withExeca() {
  const { path: cwd, cleanup } = await dir({ unsafeCleanup: true })
  const subprocess = execa('sleep', ['100'], { cwd, detached: true, reject: false })
  if (subprocess.pid !== undefined) process.kill(-subprocess.pid, 'SIGKILL')
  await subprocess
  await cleanup()
}

async function withNode() {
  const cwd = await mkdtemp(join(tmpdir(), 'by-hand-'))
  const child = spawn('sleep', ['100'], { cwd, detached: true })
  const closed = new Promise((resolve) => child.once('close', resolve))
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  await closed
  await rm(cwd, { recursive: true })
}

/** The code that one would put together: list the tree, kill it, and look until none of it is on the process list. */
async function withPidtreeAndPsList() {
  const { path: cwd, cleanup } = await dir({ unsafeCleanup: true })
  const subprocess = execa('sleep', ['100'], { cwd, detached: true, reject: false })
  const tree = await pidtree(subprocess.pid, { root: true })
  for (const pid of tree) process.kill(pid, 'SIGKILL')
  await subprocess
  for (;;) {
    const alive = new Set((await psList()).map(({ pid }) => pid))
    if (!tree.some((pid) => alive.has(pid))) break
  }
  await cleanup()
}

function withTreeKill(treeKill) {
  return async () => {
    const { path: cwd, cleanup } = await dir({ unsafeCleanup: true })
    const child = spawn('sleep', ['100'], { cwd })
    const closed = new Promise((resolve) => child.once('close', resolve))
    await new Promise((resolve) => treeKill(child.pid, 'SIGKILL', resolve))
    await closed
    await cleanup()
  }
}

/** Loads tree-kill, which is installed on demand under bench/peers. */
function treeKillOnDemand() {
  const folder = path('peers')
  if (!existsSync(join(folder, 'node_modules'))) {
    say('\ninstalling the peers into bench/peers …')
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: folder })
  }
  return createRequire(join(folder, 'package.json'))('tree-kill')
}

/** The ms that one posix_spawn + killpg + waitpid + mkdtemp + rmdir take in C. */
function floor() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  const program = join(folder, 'cycle')
  execFileSync('cc', ['-O2', '-o', program, path('cycle.c')])
  return { run: () => Number(execFileSync(program, ['200'], { encoding: 'utf8' })), folder }
}

export async function run() {
  const c = floor()
  try {
    const holder = await createProctor() // As in a worker, whose guardian is already running.
    await holder.run('true').waitForExit()
    await holder.teardown()
    const names = {
      execa: 'execa + tmp-promise by hand; verifies nothing',
      node: 'node:child_process + mkdtemp by hand; verifies nothing',
      strict: 'proctor, strict',
      usage: 'proctor, strict, usage: true',
      basic: 'proctor, basic',
      treeKill: 'spawn + tmp-promise + tree-kill; verifies nothing',
      lists: 'execa + tmp-promise + pidtree + ps-list',
    }
    const results = await sideBySide(
      {
        [names.execa]: withExeca,
        [names.node]: withNode,
        [names.strict]: proctorsCycle('strict'),
        [names.usage]: proctorsCycle('strict', { usage: true }),
        [names.basic]: proctorsCycle('basic'),
        ...(isShort ? {} : { [names.treeKill]: withTreeKill(treeKillOnDemand()) }),
        [names.lists]: withPidtreeAndPsList,
      },
      { rounds: isShort ? 2 : 8, time: isShort ? 250 : 1000, iterations: 5 },
    )
    print('One cycle: workspace, start, kill, verify, clean', results)
    const ratio = (a, b) => results[a].median / results[b].median
    const inC = c.run()
    say(
      `  the floor, in C: ${inC.toFixed(2)} ms; proctor, strict: ${(results[names.strict].median / inC).toFixed(1)} x`,
    )
    goal('a cycle, to execa + tmp-promise by hand', ratio(names.strict, names.execa), 'at most', 0.5)
    goal('a cycle, to node:child_process by hand', ratio(names.strict, names.node), 'at most', 0.8)
    goal('a cycle with usage: true, to one without', ratio(names.usage, names.strict), 'at most', 1.02)
    goal('execa + tmp-promise + pidtree + ps-list, to a cycle', ratio(names.lists, names.strict), 'at least', 5)
    return { ...results, 'C: mkdtemp, posix_spawn, killpg, waitpid, rmdir': { median: inC } }
  } finally {
    await rm(c.folder, { recursive: true })
  }
}
