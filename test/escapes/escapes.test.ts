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

/** What was seen, by case, level and ending. */
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

/** Why a case cannot be run on this machine. What cannot be run is skipped, and not passed. */
function reasonAgainst(escape: Escape, level: Level): string | undefined {
  if (level === 'strict' && reasonAgainstStrict !== undefined) return reasonAgainstStrict
  const compiler = escape.program.endsWith('.c') || escape.setuid !== undefined ? ['cc'] : []
  const bash = /^(?:disowned|job-control)/.test(escape.program) ? ['bash'] : []
  return missing(...compiler, ...bash, ...(escape.needsRoot === true ? ['root'] : []))
}

/** What is said of who may be anybody's, and gets no signal. */
const isDoubt = (seen: string): boolean =>
  /^ContainmentError: .* cannot be proven dead: what follows may be/s.test(seen)

/**
 * Those that only the limit finds. In a worker thread, which shares its limits with all others, a program is given it
 * when it runs already: what it starts in its first moment lacks it, is not found, or is a doubt.
 */
const isByLimitAlone = ({ id }: Escape): boolean =>
  !isMainThread && ['9', '12', '18', '23f', '23g', '23h', '39', '41', '42', '44'].includes(id)

describe.each(escapes)('$id $title', (escape) => {
  for (const level of ['strict', 'basic'] as const) {
    for (const ending of ['kill', 'teardown'] as const) {
      const expected = escape.expected[level][ending]
      if (expected === undefined) continue
      const how = ending === 'kill' ? `${escape.call ?? 'kill'}()` : 'teardown()'
      // A look that falls into the moment of the double fork finds even the invisible daemon: luck, and no promise.
      const retry = expected === 'not found' ? 2 : 0
      test(`${level}: after ${how} it is ${expected}`, { retry }, async ({ skip }) => {
        const reason = reasonAgainst(escape, level)
        if (reason !== undefined) skip(reason)
        if (escape.hops === true) onTestFinished(await takeTurn())
        const isLucky = isByLimitAlone(escape)
        const seen = foldInto(expected, await observe(escape, level, ending, isLucky))
        const observed = isLucky && (seen === 'not found' || isDoubt(seen)) ? expected : seen
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

// A guardian is the same in a worker thread, which has none of these.
describe.for(isMainThread ? ['guardian'] : [])('the worker is killed, and its %s ends', () => {
  const possible = escapes.filter((escape) => reasonAgainst(escape, 'basic') === undefined)
  const expectDead = async (those: readonly Escape[], as?: 'nobody'): Promise<void> => {
    const words = await observeKilledWorker(those, as)
    for (const [id, word] of words) observations.set(`${id} guardian`, word)
    // Another user's cannot be ended by anybody here.
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

  // All at once they would take the machine from each other, and one by one they cost a second each.
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
