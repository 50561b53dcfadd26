// What `npm test` runs once the package is built. Worker threads have a run of their own: strict containment comes to
// them through the global set-up, and other tests' orphans would be theirs. `npm run test:quick` leaves out what starts
// runners, browsers and storms.
import { spawn } from 'node:child_process'

const quick = ['test/architecture.test.ts', 'test/public-api.test.ts', 'test/rooms', 'test/stories', 'test/messages']
const [first, ...others] = process.argv.slice(2)
const isQuick = first === '--quick'
const given = isQuick ? others : process.argv.slice(2)

/** Resolves with the exit code. */
function vitest(projects, args) {
  const names = projects.flatMap((name) => ['--project', name])
  const child = spawn('vitest', ['run', ...names, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}

const runs = isQuick
  ? [
      [
        ['forks', 'isolated'],
        [...quick, ...given],
      ],
    ]
  : [
      [['forks', 'isolated', 'portable'], given],
      [['threads'], [...given, '--passWithNoTests']],
    ]
process.exitCode = 0
// One after the other: two at once have four times as many programs as a machine of two cores runs in time.
for (const [projects, args] of runs) process.exitCode ||= await vitest(projects, args)
