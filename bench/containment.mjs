// What it costs to prove processes dead: "Numbers" in the issue "Containment".
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { createProctor } from 'proctor'
import { goal, isShort, print, sideBySide, summary } from './side-by-side.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

async function execaByHand() {
  const subprocess = execa('sleep', ['100'], { detached: true, reject: false })
  if (subprocess.pid !== undefined) process.kill(-subprocess.pid, 'SIGKILL')
  await subprocess
}

async function cycle() {
  const [strict, basic] = await Promise.all([
    createProctor({ containment: 'strict' }),
    createProctor({ containment: 'basic' }),
  ])
  const results = await sideBySide({
    'execa: start, kill the group, wait; verifies nothing': execaByHand,
    'proctor, strict: start, kill, verify': async () => void (await strict.run('sleep', ['100']).kill()),
    'proctor, basic: start, kill, verify': async () => void (await basic.run('sleep', ['100']).kill()),
  })
  await Promise.all([strict.teardown(), basic.teardown()])
  print('One sleep', results)
  const [byHand, inStrict, inBasic] = Object.values(results).map(({ median }) => median)
  goal('one sleep in strict containment, to execa that verifies nothing', inStrict / byHand, 'at most', 1.1)
  goal('one sleep in basic containment, to the same', inBasic / byHand, 'at most', 3)
  return results
}

async function forest(folder, sessions, members) {
  const program = join(folder, 'forest')
  const proctor = await createProctor({ containment: 'strict' })
  const [floor, ours] = [[], []]
  for (let round = 0; round < (isShort ? 3 : 9); round += 1) {
    floor.push(Number(execFileSync(program, ['time', String(sessions), String(members)], { encoding: 'utf8' })))
    const command = proctor.run(program, ['grow', String(sessions), String(members)])
    await command.waitForOutput('grown')
    const begin = performance.now()
    await command.kill()
    ours.push(performance.now() - begin)
  }
  await proctor.teardown()
  const results = { 'C: killpg and waitpid': summary(floor), 'proctor, strict: kill and verify': summary(ours) }
  const title = `a tree of ${sessions * members} processes in ${sessions} session${sessions === 1 ? '' : 's'}`
  print(title, results)
  const [inC, own] = Object.values(results).map(({ median }) => median)
  goal(`kill and verify ${title}, to C`, own / inC, 'at most', 3)
  return results
}

async function foreign() {
  const proctor = await createProctor({ containment: 'strict' })
  const kill = async () => void (await proctor.run('sleep', ['100']).kill())
  const alone = (await sideBySide({ alone: kill }, { rounds: 3 })).alone
  const crowd = spawn('sh', ['-c', 'i=0; while [ $i -lt 2000 ]; do sleep 120 & i=$((i + 1)); done; echo there; wait'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await new Promise((resolve) => crowd.stdout.once('data', resolve))
  const crowded = (await sideBySide({ crowded: kill }, { rounds: 3 })).crowded
  process.kill(-crowd.pid, 'SIGKILL')
  await new Promise((resolve) => crowd.once('exit', resolve))
  await proctor.teardown()
  const results = { 'one sleep, the machine as it is': alone, 'one sleep, with 2,000 foreign processes': crowded }
  print('Foreign processes', results)
  goal('one sleep with 2,000 foreign processes, to the same with none', crowded.median / alone.median, 'at most', 1.2)
  return results
}

async function guardian() {
  const proctor = await createProctor()
  const command = proctor.run('sleep', ['100'])
  const own = readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`guardian.sh`) &&
        readFileSync(`/proc/${pid}/stat`, 'latin1').includes(` ${process.pid} `)
      )
    } catch {
      return false // Gone meanwhile.
    }
  })
  const memory = own.map(
    (pid) => Number(/^Rss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))[1]) / 1024,
  )
  await command.kill()
  await proctor.teardown()
  const script = path('../src/guardian/guardian.sh')
  const begin = async () => {
    const child = spawn('/bin/sh', [script, 'token'], {
      env: { ...process.env, PROCTOR_NODE: 'true', PROCTOR_ENDING: '' },
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.stdin.end()
    await new Promise((resolve) => child.once('spawn', resolve))
    child.unref()
  }
  const results = await sideBySide({ 'start of a guardian': begin }, { rounds: 2, time: 100 })
  print(`Guardian: ${Math.max(...memory).toFixed(1)} MB (goal <= 2.5)`, results, { 'start of a guardian': '<= 5 ms' })
  return { memory, ...results }
}

const trees = isShort ? 50 : 200
const program = ['-c', 'sleep 100 & sleep 100 & (setsid sleep 100 &) ; setsid -f sleep 100; echo up; wait']

/** The processes that are still alive, found by a command line that nothing else has. */
const sleepsLeft = (time) =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1') === `sleep\0${time}\0`
    } catch {
      return false // Gone meanwhile.
    }
  })

/**
 * Trees of five processes, two of which leave the group. Code written by hand must know those two. Here it finds them
 * by their command line.
 */
async function treesByHand(time) {
  const script = ['-c', program[1].replaceAll('sleep 100', `sleep ${time}`)]
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: trees }, async () => {
      const child = spawn('sh', script, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
      await new Promise((resolve) => child.stdout.once('data', resolve))
      process.kill(-child.pid, 'SIGKILL')
      await new Promise((resolve) => child.once('exit', resolve))
    }),
  )
  for (const pid of sleepsLeft(time)) process.kill(Number(pid), 'SIGKILL')
  return performance.now() - begin
}

async function treesOfOurs(time) {
  const script = ['-c', program[1].replaceAll('sleep 100', `sleep ${time}`)]
  const proctor = await createProctor({ containment: 'strict' })
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: trees }, async () => {
      const command = proctor.run('sh', script)
      await command.waitForOutput('up', { timeout: 60_000 })
      await command.kill()
    }),
  )
  const took = performance.now() - begin
  await proctor.teardown()
  return took
}

async function concurrent() {
  const [byHand, ours] = [[], []]
  let left = 0
  for (let round = 0; round < 3; round += 1) {
    byHand.push(await treesByHand(`9${round}1${process.pid}`))
    ours.push(await treesOfOurs(`9${round}2${process.pid}`))
    left += sleepsLeft(`9${round}2${process.pid}`).length
  }
  const results = { 'by hand': summary(byHand), 'proctor, strict': summary(ours) }
  print(`${trees} commands at once, each a tree of 5; ${left} left`, results)
  goal(
    `${trees} trees of 5 at once, to the same by hand`,
    summary(ours).median / summary(byHand).median,
    'at most',
    1.5,
  )
  goal('of which are left', left, 'at most', 0)
  return { trees, left, ...results }
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  try {
    execFileSync('cc', ['-O2', '-o', join(folder, 'forest'), path('forest.c')])
    return {
      cycle: await cycle(),
      oneSession: await forest(folder, 1, 500),
      ...(isShort
        ? {}
        : { twentySessions: await forest(folder, 20, 25), foreign: await foreign(), guardian: await guardian() }),
      concurrent: await concurrent(),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
