// `npm run bench [-- section …] [--json]`: numbers of this machine, side by side in one run, as ratios of medians.
import { execFileSync } from 'node:child_process'

const sections = {
  cycle: './cycle.mjs',
  containment: './containment.mjs',
  import: './import.mjs',
  peers: './peers.mjs',
  trace: './trace.mjs',
  terminal: './terminal.mjs',
}
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const unknown = wanted.find((word) => !Object.hasOwn(sections, word))
if (unknown !== undefined) {
  process.stderr.write(`bench: unknown section ${unknown}. Accepted are ${Object.keys(sections).join(', ')}.\n`)
  process.exit(2)
}
const results = {}
for (const [name, path] of Object.entries(sections)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const { run } = await import(path)
  results[name] = await run()
}
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
else
  process.stdout.write(`\n${execFileSync('uname', ['-srm'], { encoding: 'utf8' }).trim()}, Node ${process.version}\n`)
