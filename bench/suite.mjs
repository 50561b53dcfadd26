// A whole suite of a hundred small tests of command-line programs, including what it loads, in workers of two sizes.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { goal, isShort, print, summary } from './side-by-side.mjs'

const worker = fileURLToPath(new URL('suite-worker.mjs', import.meta.url))
const measure = (size, kind) =>
  JSON.parse(execFileSync(process.execPath, [worker, String(size), kind], { encoding: 'utf8' })).took

export async function run() {
  const results = {}
  for (const size of [0, 512]) {
    const times = { execa: [], proctor: [] }
    for (let round = 0; round < (isShort ? 1 : 5); round += 1) {
      for (const kind of Object.keys(times)) times[kind].push(measure(size, kind))
    }
    results[size] = {
      'execa + tmp-promise by hand; verifies nothing': summary(times.execa),
      proctor: summary(times.proctor),
    }
    print(`100 small tests of programs, in a worker that holds ${size} MB`, results[size])
    const [byHand, ours] = Object.values(results[size]).map(({ median }) => median)
    goal(`100 small tests at ${size} MB, to the same with execa`, ours / byHand, 'at most', size === 0 ? 1 : 0.25)
  }
  return results
}
