// What `npm test` runs once the package is built. `npm run test:quick` leaves out the tests that start runners,
// browsers and storms, and the rooms whose tests take longest. `.ci/check` runs other projects of vitest.config.ts, in
// runs of their own.
import { spawn } from 'node:child_process'

const quick = ['test/architecture.test.ts', 'test/public-api.test.ts', 'test/rooms', 'test/stories']
const long = ['supervisor/**', 'terminal/**', 'readiness/**', 'workspace/removal.test.ts']
const [first, ...others] = process.argv.slice(2)
const args =
  first === '--quick'
    ? [...quick, ...others, ...long.flatMap((path) => ['--exclude', `test/rooms/${path}`])]
    : process.argv.slice(2)
const child = spawn('vitest', ['run', '--project', 'forks', '--project', 'isolated', ...args], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
// Ctrl-C reaches Vitest by itself.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill())
child.once('error', (error) => {
  throw error
})
child.once('close', (code) => {
  process.exitCode = code ?? 1
})
