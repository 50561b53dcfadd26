// What `npm test` runs once the package is built. Worker threads have a run of their own: strict containment comes to
// them through the global set-up, and other tests' orphans would be theirs. `npm run test:quick` leaves out what starts
// runners, browsers and storms.
import { spawn } from 'node:child_process'

const quick = ['test/architecture.test.ts', 'test/public-api.test.ts', 'test/rooms', 'test/stories']
const [first, ...others] = process.argv.slice(2)
const isQuick = first === '--quick'
const given = isQuick ? [...others, '--exclude', 'test/rooms/supervisor/**'] : process.argv.slice(2)

/** Resolves with the exit code and, where the output is not shown at once, with that. */
function vitest(projects, args, stdout = 'inherit') {
  const names = projects.flatMap((name) => ['--project', name])
  const colours = process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: '1' } : {}
  const env = { ...process.env, ...(stdout === 'pipe' ? colours : {}) }
  const child = spawn('vitest', ['run', ...names, ...args], { env, stdio: ['ignore', stdout, 'inherit'] })
  const output = []
  child.stdout?.on('data', (chunk) => output.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(output) }))
  })
}

const runs = isQuick
  ? [vitest(['forks', 'isolated'], [...quick, ...given])]
  : [
      vitest(['forks', 'isolated', 'portable'], given),
      // Beside the others, as most of it waits. What it says comes after what they say.
      vitest(['threads'], [...given, '--passWithNoTests'], 'pipe'),
    ]
const results = await Promise.all(runs)
for (const { output } of results) process.stdout.write(output)
process.exitCode = Math.max(...results.map(({ code }) => code))
