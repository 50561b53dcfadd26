// What a kill costs by the number of its own descendants, and what a cycle costs by the number of foreign processes.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createProctor } from 'proctor'
import { plot } from './plot.mjs'
import { measureSizes } from './worker-size.mjs'
import { say, sideBySide, summary } from './side-by-side.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const own = [1, 3, 10, 30, 100, 300, 1000]
const foreign = [0, 500, 1000, 2000, 5000]

async function againstOwn(folder) {
  const program = join(folder, 'forest')
  execFileSync('cc', ['-O2', '-o', program, path('forest.c')])
  const proctor = await createProctor({ containment: 'strict' })
  const curve = []
  for (const size of own) {
    const [floor, ours] = [[], []]
    for (let round = 0; round < 7; round += 1) {
      floor.push(Number(execFileSync(program, ['time', '1', String(size)], { encoding: 'utf8' })))
      const command = proctor.run(program, ['grow', '1', String(size)])
      await command.waitForOutput('grown')
      const begin = performance.now()
      await command.kill()
      ours.push(performance.now() - begin)
    }
    curve.push({ size, floor: summary(floor).median, ours: summary(ours).median })
  }
  await proctor.teardown()
  return curve
}

/** Processes that belong to nobody here, in a session of their own, until they are ended. */
async function crowdOf(size) {
  if (size === 0) return async () => {}
  const script = `i=0; while [ $i -lt ${size} ]; do sleep 600 & i=$((i + 1)); done; echo there; wait`
  const crowd = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise((resolve) => crowd.stdout.once('data', resolve))
  return async () => {
    process.kill(-crowd.pid, 'SIGKILL')
    await new Promise((resolve) => crowd.once('exit', resolve))
  }
}

async function againstForeign() {
  const cycle = (containment) => async () => {
    const proctor = await createProctor({ containment })
    await proctor.run('sleep', ['100']).kill()
    await proctor.teardown()
  }
  const curve = []
  for (const size of foreign) {
    const disperse = await crowdOf(size)
    const { strict, basic } = await sideBySide(
      { strict: cycle('strict'), basic: cycle('basic') },
      { rounds: 3, time: 150, iterations: 5 },
    )
    await disperse()
    curve.push({ size, strict: strict.median, basic: basic.median })
  }
  return curve
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  try {
    const results = { own: await againstOwn(folder), foreign: await againstForeign() }
    say('\nkill and verify, against own descendants (ms)')
    for (const { size, floor, ours } of results.own) {
      say(
        `  ${String(size).padStart(5)}  C ${floor.toFixed(2).padStart(8)}  proctor, strict ${ours.toFixed(2).padStart(8)}`,
      )
    }
    say('\na cycle, against foreign processes (ms)')
    for (const { size, strict, basic } of results.foreign) {
      say(
        `  ${String(size).padStart(5)}  strict ${strict.toFixed(2).padStart(8)}  basic ${basic.toFixed(2).padStart(8)}`,
      )
    }
    if (process.argv.includes('--plot')) {
      const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores, ${execFileSync('uname', ['-sr'], { encoding: 'utf8' }).trim()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`
      const file = path('../docs/scaling.svg')
      writeFileSync(file, plot({ ...results, workerSize: measureSizes() }, machine))
      say(`\nwritten: ${file}`)
    }
    return results
  } finally {
    rmSync(folder, { recursive: true })
  }
}
