// A worker that runs 10,000 commands: its memory and its open files.
import { readdirSync } from 'node:fs'
import { createProctor } from 'proctor'
import { goal, say } from './side-by-side.mjs'

const commands = 10_000
const perFixture = 20

export async function run() {
  const readings = []
  for (let done = 0; done <= commands; done += perFixture) {
    if (done % 1000 === 0) {
      globalThis.gc?.()
      const { rss, heapUsed } = process.memoryUsage()
      const files = readdirSync('/proc/self/fd').length
      readings.push({ done, rss: rss / 1024 ** 2, heap: heapUsed / 1024 ** 2, files })
      process.stderr.write(`${done} commands: ${(rss / 1024 ** 2).toFixed(0)} MB, ${files} files\n`)
    }
    const proctor = await createProctor()
    const ended = []
    for (let number = 0; number < perFixture; number += 1) {
      const command = proctor.run('sh', ['-c', 'echo some output; exec sleep 100'])
      await command.waitForOutput('some output')
      ended.push(command.kill())
    }
    await Promise.all(ended)
    await proctor.teardown()
  }
  // By the first two thousand commands, everything is loaded and warmed up.
  const [early, late] = [readings.find(({ done }) => done === 2000), readings.at(-1)]
  say(`\n${commands} commands in one worker`)
  for (const { done, rss, heap, files } of readings) {
    say(`  ${String(done).padStart(6)}  ${rss.toFixed(0).padStart(4)} MB  heap ${heap.toFixed(1)} MB  ${files} files`)
  }
  goal('heap after 10,000 commands, to after 2,000', late.heap / early.heap, 'at most', 1.1)
  goal('open files after 10,000 commands, more than after 2,000', late.files - early.files, 'at most', 0)
  return readings
}
