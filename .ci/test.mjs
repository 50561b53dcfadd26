// What `npm test` runs once the package is built. Worker threads have a run of their own: strict containment comes to
// them through the global set-up, and other tests' orphans would be theirs. `npm run test:quick` leaves out what starts
// runners, browsers and storms.
import { spawn } from 'node:child_process'
import { buffer } from 'node:stream/consumers'

const quick = ['test/architecture.test.ts', 'test/public-api.test.ts', 'test/rooms', 'test/stories', 'test/messages']
const [first, ...others] = process.argv.slice(2)
const isQuick = first === '--quick'
const given = isQuick ? others : process.argv.slice(2)

/** Starts a run. Its standard output is this process's, or a pipe. */
function start(projects, args, stdout) {
  const names = projects.flatMap((name) => ['--project', name])
  const child = spawn('vitest', ['run', ...names, ...args], { stdio: ['ignore', stdout, 'inherit'] })
  const exitCode = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
  return { exitCode, stdout: child.stdout }
}

async function all() {
  const inThreads = start(['threads'], [...given, '--passWithNoTests'], 'pipe')
  const output = buffer(inThreads.stdout)
  const inProcesses = await start(['forks', 'portable'], given, 'inherit').exitCode
  // It runs beside the other one, and is printed below it.
  process.stdout.write(await output)
  return inProcesses || (await inThreads.exitCode)
}

process.exitCode = isQuick ? await start(['forks'], [...quick, ...given], 'inherit').exitCode : await all()
