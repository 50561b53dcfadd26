// `npm run bench [-- section …] [--json] [--short] [--plot]` measures on this machine, side by side in one run, and
// prints ratios of medians. `--short` is for CI: it takes a minute, and fails only when a ratio is more than twice its
// goal, on a machine that has its processors free. `--plot` writes the curves to docs/scaling.svg.
import { execFileSync } from 'node:child_process'
import { goals, isShort, printGoals, processorShare } from './side-by-side.mjs'

const sections = {
  cycle: './cycle.mjs',
  containment: './containment.mjs',
  scaling: './scaling.mjs',
  'worker-size': './worker-size.mjs',
  suite: './suite.mjs',
  import: './import.mjs',
  output: './output.mjs',
  memory: './memory.mjs',
  guard: './guard.mjs',
  'guard-programs': './guard-programs.mjs',
  peers: './peers.mjs',
  trace: './trace.mjs',
  terminal: './terminal.mjs',
  run: './run.mjs',
  coverage: './coverage.mjs',
}
const inShort = ['cycle', 'containment', 'import', 'output', 'guard']
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const unknown = wanted.find((word) => !Object.hasOwn(sections, word))
if (unknown !== undefined) {
  process.stderr.write(`bench: unknown section ${unknown}. Accepted are ${Object.keys(sections).join(', ')}.\n`)
  process.exit(2)
}
const shareBefore = isShort ? processorShare() : 1
const results = {}
for (const [name, path] of Object.entries(sections)) {
  if (wanted.length > 0 ? !wanted.includes(name) : isShort && !inShort.includes(name)) continue
  const { run } = await import(path)
  results[name] = await run()
}
if (process.argv.includes('--json')) {
  process.stdout.write(`${JSON.stringify({ goals, ...results }, null, 2)}\n`)
} else {
  printGoals()
  process.stdout.write(`\n${execFileSync('uname', ['-srm'], { encoding: 'utf8' }).trim()}, Node ${process.version}\n`)
}
const far = isShort ? goals.filter(({ isFarOff }) => isFarOff) : []
// Beside busy programs each side of a ratio waits for a processor in its own turns, by luck.
const share = far.length === 0 ? 1 : Math.min(shareBefore, processorShare())
if (share < 0.85) {
  const part = Math.round(100 * share)
  process.stderr.write(
    `bench: other programs keep this machine busy: ${part} % of a processor was left. No goal is judged.\n`,
  )
} else if (far.length > 0) {
  for (const { name, ratio, wish, limit } of far) {
    process.stderr.write(`bench: ${name}: ${ratio.toFixed(2)}, and the goal is ${wish} ${limit}\n`)
  }
  process.exitCode = 1
}
