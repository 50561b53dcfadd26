// What `npm test` runs once the package is built. `npm run test:quick` leaves out what starts runners, browsers and
// storms. What `.ci/check` runs besides has runs of its own: other projects of vitest.config.ts.
import { spawn } from 'node:child_process'

const quick = ['test/architecture.test.ts', 'test/public-api.test.ts', 'test/rooms', 'test/stories']
const [first, ...others] = process.argv.slice(2)
const args =
  first === '--quick' ? [...quick, ...others, '--exclude', 'test/rooms/supervisor/**'] : process.argv.slice(2)
const child = spawn('vitest', ['run', '--project', 'forks', '--project', 'isolated', ...args], {
  stdio: ['ignore', 'inherit', 'inherit'],
})
child.once('error', (error) => {
  throw error
})
child.once('close', (code) => {
  process.exitCode = code ?? 1
})
