// `worker-size-worker.mjs MEGABYTES` prints, as JSON, what starts cost in a process that holds this much memory.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { createProctor } from 'proctor'
import { dir } from 'tmp-promise'

const held = Array.from({ length: Number(process.argv[2]) / 16 }, () => Buffer.alloc(16 * 1024 * 1024, 1))

const stops = { Node: [], Execa: [], Proctor: [] }
const cycles = { Node: [], Execa: [], Proctor: [] }

/** Measures what happens before the event loop can turn again. */
function timed(name, start) {
  const begin = performance.now()
  const started = start()
  stops[name].push(performance.now() - begin)
  return started
}

const tasks = {
  async Node() {
    const cwd = await mkdtemp(join(tmpdir(), 'by-hand-'))
    const child = timed('Node', () => spawn('sleep', ['100'], { cwd, detached: true }))
    const closed = new Promise((resolve) => child.once('close', resolve))
    process.kill(-child.pid, 'SIGKILL')
    await closed
    await rm(cwd, { recursive: true })
  },
  async Execa() {
    const { path: cwd, cleanup } = await dir({ unsafeCleanup: true })
    const subprocess = timed('Execa', () => execa('sleep', ['100'], { cwd, detached: true, reject: false }))
    process.kill(-subprocess.pid, 'SIGKILL')
    await subprocess
    await cleanup()
  },
  async Proctor() {
    const proctor = await createProctor({ containment: 'strict' })
    await timed('Proctor', () => proctor.run('sleep', ['100'])).kill()
    await proctor.teardown()
  },
}

const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]

for (let round = 0; round < 25; round += 1) {
  for (const [name, task] of Object.entries(tasks)) {
    const begin = performance.now()
    await task()
    cycles[name].push(performance.now() - begin)
  }
}
const results = {}
for (const name of Object.keys(tasks)) {
  // The first three load what the others find loaded.
  results[`stop${name}`] = median(stops[name].slice(3))
  results[`cycle${name}`] = median(cycles[name].slice(3))
}
process.stdout.write(JSON.stringify({ ...results, held: held.length }))
