import { describe, expect, test } from 'vitest'
import { runVitest } from '../inner-run.js'

// In every pool, with either start. In threads the portable one is the only one.

const cases = [
  ['forks', 'native'],
  ['forks', 'portable'],
  ['threads', 'native'],
  ['vmThreads', 'native'],
  ['vmForks', 'native'],
] as const

describe('the standard streams of commands are pipes', { timeout: 60_000 }, () => {
  test.each(cases)('in %s, with the %s start', async (pool, launch) => {
    const env = { PROCTOR_LAUNCH: launch, SUITE_ROUNDS: '20' }
    const { exitCode, output } = await runVitest('standard-streams', { pool, env })
    expect([exitCode, output]).toEqual([0, expect.stringContaining('2 passed')])
  })
})
