// What proof costs: issue "Containment", Numbers.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { createProctor } from 'proctor'
import { print, say, sideBySide, summary } from './side-by-side.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

async function execaByHand() {
  const subprocess = execa('sleep', ['100'], { detached: true, reject: false })
  process.kill(-subprocess.pid, 'SIGKILL')
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
  print('One sleep', results, {
    'proctor, strict: start, kill, verify': '<= 1.1',
    'proctor, basic: start, kill, verify': '<= 3',
  })
  return results
}

async function forest(folder, sessions, members) {
  const program = join(folder, 'forest')
  const proctor = await createProctor({ containment: 'strict' })
  const [floor, ours] = [[], []]
  for (let round = 0; round < 9; round += 1) {
    floor.push(Number(execFileSync(program, ['time', String(sessions), String(members)], { encoding: 'utf8' })))
    const command = proctor.run(program, ['grow', String(sessions), String(members)])
    await command.waitForOutput('grown')
    const begin = performance.now()
    await command.kill()
    ours.push(performance.now() - begin)
  }
  await proctor.teardown()
  const results = { 'C: killpg and waitpid': summary(floor), 'proctor, strict: kill and verify': summary(ours) }
  print(`A tree of ${sessions * members} processes in ${sessions} session${sessions === 1 ? '' : 's'}`, results, {
    'proctor, strict: kill and verify': '<= 3',
  })
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
  print('Foreign processes', results, { 'one sleep, with 2,000 foreign processes': '<= 1.2' })
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
  const script = path('../src/system/guardian.sh')
  const begin = async () => {
    const child = spawn('/bin/sh', [script, 'token', String(process.pid), '0'], {
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

async function concurrent() {
  const trees = 200
  const program = ['-c', 'sleep 100 & sleep 100 & (setsid sleep 100 &) ; setsid -f sleep 100; echo up; wait']
  const proctor = await createProctor({ containment: 'strict' })
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: trees }, async () => {
      const command = proctor.run('sh', program)
      await command.waitForOutput('up', { timeout: 60_000 })
      await command.kill()
    }),
  )
  const took = performance.now() - begin
  const left = execFileSync('sh', ['-c', "ps -eo args | grep -c '^sleep 100$' || :"], { encoding: 'utf8' }).trim()
  await proctor.teardown()
  say(`\n${trees} commands at once, each a tree of 5: ${took.toFixed(0)} ms, ${left} left`)
  return { trees, took, left: Number(left) }
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  try {
    execFileSync('cc', ['-O2', '-o', join(folder, 'forest'), path('forest.c')])
    return {
      cycle: await cycle(),
      oneSession: await forest(folder, 1, 500),
      twentySessions: await forest(folder, 20, 25),
      foreign: await foreign(),
      guardian: await guardian(),
      concurrent: await concurrent(),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
