import { isMainThread } from 'node:worker_threads'
import { createProctor, ContainmentError } from 'proctor'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Ending, escapes, type Escape, inNamespace, type Level, type NamespaceCase } from './cases.js'
import { compareTable, writeTable } from './documented.js'
import { named, observeInNamespaceOfKilled, observeKilledWorker } from './guardian.js'
import { observeInNamespace, reasonAgainstNamespace } from './namespace.js'
import { foldInto, observe } from './observe.js'
import { removePrograms } from './programs.js'
import { missing } from '../needs.js'
import { takeTurn } from './turn.js'

/** The observations, by case, level and ending. */
const observations = new Map<string, string>()
let reasonAgainstStrict: string | undefined

beforeAll(async () => {
  try {
    await (await createProctor({ containment: 'strict' })).teardown()
  } catch (error) {
    if (!(error instanceof ContainmentError)) throw error
    reasonAgainstStrict = error.message
  }
})

afterAll(removePrograms)

/** Why a case cannot run on this machine. Such a case counts as skipped, not as passed. */
function reasonAgainst(escape: Escape, level: Level): string | undefined {
  if (level === 'strict' && reasonAgainstStrict !== undefined) return reasonAgainstStrict
  const compiler = escape.program.endsWith('.c') || escape.setuid !== undefined ? ['cc'] : []
  const bash = /^(?:disowned|job-control)/.test(escape.program) ? ['bash'] : []
  const otherUser = escape.as === undefined ? [] : ['setpriv']
  const namespace = /namespace/.test(escape.program) ? ['unshare'] : []
  const root = escape.needsRoot === true ? ['root'] : []
  return missing(...compiler, ...bash, ...root, ...otherUser, ...namespace)
}

/** Whether the message reports a process that may belong to anybody, and that therefore gets no signal. */
const isDoubt = (seen: string): boolean =>
  /^ContainmentError: .* cannot be proven dead: what follows may be/s.test(seen)

/**
 * The cases whose escapees are found by the limit alone. A worker thread shares its limits with all other threads, so a
 * program gets its limit only after it has started. What it starts in its first moment lacks the limit, and is not
 * found, or is reported as a doubt. If that keeps forking, a kill may refuse: each round meets another one.
 */
const isByLimitAlone = ({ id }: Escape): boolean =>
  !isMainThread && ['9', '12', '18', '23f', '23g', '23h', '39', '41', '42', '44'].includes(id)

describe.each(escapes)('$id $title', (escape) => {
  for (const level of ['strict', 'basic'] as const) {
    for (const ending of ['kill', 'teardown'] as const) {
      const expected = escape.expected[level][ending]
      if (expected === undefined) continue
      const how = ending === 'kill' ? `${escape.call ?? 'kill'}()` : 'teardown()'
      // If a look happens during the double fork, it finds even the invisible daemon. That is luck, and not promised.
      const retry = expected === 'not found' ? 2 : 0
      test(`${level}: after ${how} it is ${expected}`, { retry }, async ({ skip }) => {
        const reason = reasonAgainst(escape, level)
        if (reason !== undefined) skip(reason)
        if (escape.hops === true) onTestFinished(await takeTurn())
        const isLucky = isByLimitAlone(escape)
        const seen = foldInto(expected, await observe(escape, level, ending, isLucky))
        const isRefused = escape.hops === true && seen === 'refused: alive after SIGKILL'
        const isUnmarked = seen === 'not found' || isDoubt(seen) || isRefused
        const observed = isLucky && isUnmarked ? expected : seen
        observations.set(cellOf(escape, level, ending), observed)
        expect(observed).toBe(expected)
      })
    }
  }
})

describe.each(inNamespace)('$id $title', (escape) => {
  for (const level of ['strict', 'basic'] as const) {
    for (const ending of ['kill', 'teardown'] as const) {
      const expected = escape.expected[level][ending]!
      test(`${level}: after ${ending}() it is ${expected}`, async ({ skip }) => {
        const reason = (level === 'strict' ? reasonAgainstStrict : undefined) ?? reasonAgainstNamespace()
        if (reason !== undefined) skip(reason)
        const observed = await observeInNamespace(escape.scenario, level, ending)
        observations.set(cellOf(escape, level, ending), observed)
        expect(observed).toBe(expected)
      })
    }
  }
})

const cellOf = ({ id }: Escape | NamespaceCase, level: Level, ending: Ending): string => `${id} ${level} ${ending}`

const isWritten = process.env['PROCTOR_WRITE_DOCS'] === '1'

// The guardian is the same for a worker thread, which has none of these.
describe.for(isMainThread ? ['guardian'] : [])('the worker is killed, and its %s ends', () => {
  const possible = escapes.filter((escape) => reasonAgainst(escape, 'basic') === undefined)
  const expectDead = async (those: readonly Escape[], as?: 'nobody'): Promise<void> => {
    const words = await observeKilledWorker(those, as)
    for (const [id, word] of words) observations.set(`${id} guardian`, word)
    // Nobody here can end another user's process.
    const expected = those.map(({ id, setuid }) => [id, setuid === undefined ? 'dead' : named])
    expect([...words]).toEqual(expected)
  }

  test('all of its commands', { timeout: 60_000 }, () =>
    expectDead(possible.filter(({ as, hops }) => as === undefined && hops !== true)),
  )

  test('those of another user', { timeout: 60_000 }, async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('needs root')
    await expectDead(
      possible.filter(({ as }) => as === 'nobody'),
      'nobody',
    )
  })

  test.for(inNamespace)('$id $title', async ({ id, scenario }, { skip }) => {
    const reason = reasonAgainstNamespace()
    if (reason !== undefined) skip(reason)
    const word = await observeInNamespaceOfKilled(scenario)
    observations.set(`${id} guardian`, word)
    expect(word).toBe(scenario === 'first process' ? 'dead' : 'left alone')
  })

  // All at once, the storms would take processor time from each other. One by one, each takes a second.
  const storms = isWritten ? possible.filter(({ hops }) => hops === true) : []
  test.for(storms)('$id $title', { timeout: 60_000 }, async (escape) => {
    onTestFinished(await takeTurn())
    await expectDead([escape])
  })
})

test('docs/escapes.md says what was observed', () => {
  if (isWritten) writeTable(observations)
  expect(compareTable(observations)).toEqual([])
})
