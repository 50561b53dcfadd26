// What a start costs by the memory of the worker that starts it: Node's spawn forks, and a fork copies page tables.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { goal, isShort, say } from './side-by-side.mjs'

const sizes = isShort ? [0, 512] : [0, 128, 256, 512, 1024]

const worker = fileURLToPath(new URL('worker-size-worker.mjs', import.meta.url))

/** Medians in ms, in a worker that holds this many megabytes. */
const measure = (size) => JSON.parse(execFileSync(process.execPath, [worker, String(size)], { encoding: 'utf8' }))

export const measureSizes = () => sizes.map((size) => ({ size, ...measure(size) }))

const column = (value) => value.toFixed(2).padStart(8)

export async function run() {
  const results = measureSizes()
  for (const [part, title] of [
    ['stop', 'the call that starts a program stops the event loop, against the worker’s memory (ms)'],
    ['cycle', 'workspace, sleep 100, kill, clean, against the worker’s memory (ms)'],
  ]) {
    say(`\n${title}`)
    for (const each of results) {
      const [node, execa, proctor] = ['Node', 'Execa', 'Proctor'].map((name) => column(each[part + name]))
      say(`  ${String(each.size).padStart(5)} MB  child_process ${node}  execa ${execa}  proctor, strict ${proctor}`)
    }
  }
  const at = (size) => results.find((each) => each.size === size)
  const [small, large, largest] = [at(0), at(512), at(1024)]
  goal('run() stops the event loop, to spawn()', small.stopProctor / small.stopNode, 'at most', 0.5)
  goal('a cycle in a worker of 512 MB, to child_process', large.cycleProctor / large.cycleNode, 'at most', 0.25)
  goal('a cycle in a worker of 512 MB, to execa', large.cycleProctor / large.cycleExeca, 'at most', 0.25)
  if (largest === undefined) return results
  goal('run() stops the event loop at 1 GB, to spawn()', largest.stopProctor / largest.stopNode, 'at most', 0.1)
  goal(
    'a cycle in a worker of 1 GB, to one in a small worker',
    largest.cycleProctor / small.cycleProctor,
    'at most',
    1.5,
  )
  return results
}
