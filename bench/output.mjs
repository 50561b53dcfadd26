// 1 GiB of output from one command, compared with a listener that only counts it. Each runs in a separate process, so
// that its peak memory can be read.
import { spawn } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createProctor } from 'proctor'
import { goal, isShort, print, say, summary } from './side-by-side.mjs'

const bytes = isShort ? 256 * 1024 ** 2 : 1024 ** 3
const command = ['head', ['-c', String(bytes), '/dev/zero']]

async function count() {
  const child = spawn(...command)
  let size = 0
  child.stdout.on('data', (chunk) => (size += chunk.length))
  await new Promise((resolve) => child.once('close', resolve))
  if (size !== bytes) throw new Error(`${size} bytes came`)
}

async function keep() {
  const proctor = await createProctor()
  await proctor.run(...command).waitForSuccessfulExit({ timeout: 300_000 })
  await proctor.teardown()
}

if (process.argv[2] === '--measure') {
  // Another benchmark measures what a worker loads with its first command.
  const warm = await createProctor()
  await warm.run('true').waitForExit()
  await warm.teardown()
  const begin = performance.now()
  await (process.argv[3] === 'count' ? count() : keep())
  const took = performance.now() - begin
  process.stdout.write(JSON.stringify({ took, peak: process.resourceUsage().maxRSS / 1024 }))
}

export async function run() {
  const measure = (what) => {
    const short = isShort ? ['--short'] : []
    const self = fileURLToPath(import.meta.url)
    return JSON.parse(execFileSync(process.execPath, [self, '--measure', what, ...short], { encoding: 'utf8' }))
  }
  const samples = { count: [], keep: [] }
  for (let round = 0; round < 5; round += 1) for (const what of ['count', 'keep']) samples[what].push(measure(what))
  const results = {
    'node:child_process with a counting listener': summary(samples.count.map(({ took }) => took)),
    proctor: summary(samples.keep.map(({ took }) => took)),
  }
  print(`${bytes / 1024 ** 2} MiB of output from one command`, results)
  const peak = (what) => Math.max(...samples[what].map((each) => each.peak))
  const more = peak('keep') - peak('count')
  say(`  peak memory: ${peak('count').toFixed(0)} MB and ${peak('keep').toFixed(0)} MB`)
  const [counted, kept] = Object.values(results).map(({ median }) => median)
  goal('rate of output, to a counting listener', counted / kept, 'at least', 0.8)
  goal('MB of peak memory more than the listener (maxOutput, 16, and 64)', more, 'at most', 16 + 64)
  return { ...results, peakMB: { count: peak('count'), keep: peak('keep') } }
}
