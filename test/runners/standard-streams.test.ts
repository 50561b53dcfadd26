import { expect, test } from 'vitest'
import { runVitest } from '../inner-run.js'
import { rounds } from '../soak/rounds.js'

// In every pool, with each way to start a command, as projects of one run. Threads have only the portable start.

const projects = ['forks native', 'forks portable', 'threads native', 'vmThreads native', 'vmForks native']

test('the standard streams of commands are pipes', { timeout: 600_000 }, async () => {
  const env = { SUITE_PROJECTS: projects.join(), SUITE_ROUNDS: String(rounds(100, 2)) }
  const { exitCode, output } = await runVitest('standard-streams', { env })
  expect([exitCode, output]).toEqual([0, expect.stringMatching(/Tests {2}10 passed \(10\)/)])
  for (const project of projects) expect(output).toContain(`✓ |${project}| streams.test.ts > every line`)
})
