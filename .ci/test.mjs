// What `npm test` runs once the package is built. Worker threads have a run of their own: strict containment comes to
// them through the global set-up, and other tests' orphans would be theirs. It goes beside the other one, and what it
// wrote is shown when it has ended. `npm run test:quick` leaves out what starts runners, browsers and storms.
import { spawn } from 'node:child_process'

const quick = ['test/architecture.test.ts', 'test/public-api.test.ts', 'test/rooms', 'test/stories', 'test/messages']
const [first, ...others] = process.argv.slice(2)
const isQuick = first === '--quick'
const given = isQuick ? others : process.argv.slice(2)

/** Resolves with the exit code and what was written, where that was kept. */
function vitest(projects, args, stdio) {
  const names = projects.flatMap((name) => ['--project', name])
  const child = spawn('vitest', ['run', ...names, ...args], { stdio: ['ignore', stdio, stdio] })
  const chunks = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks) }))
  })
}

const runs = isQuick
  ? [vitest(['forks'], [...quick, ...given], 'inherit')]
  : [vitest(['forks', 'portable'], given, 'inherit'), vitest(['threads'], [...given, '--passWithNoTests'], 'pipe')]
const ends = await Promise.all(runs)
for (const { output } of ends) process.stdout.write(output)
process.exitCode = Math.max(...ends.map(({ code }) => code))
