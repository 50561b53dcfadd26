import { describe, expect, test } from 'vitest'
import { SpawnError } from '../../../src/base/errors.js'
import { advance, hasExited, isOver, type Life, type LifeEvent, see, type Seen } from '../../../src/command/life.js'

const exit = { code: 3, signal: null, at: 12 }
const other = { code: 0, signal: null, at: 13 }
const error = new SpawnError('no', { command: 'x', cwd: '/' })

const lives = {
  starting: { phase: 'starting' },
  failed: { phase: 'failed', error },
  running: { phase: 'running' },
  draining: { phase: 'draining', exit },
  ended: { phase: 'ended', exit },
} as const satisfies Record<Life['phase'], Life>

const events = {
  started: { type: 'started' },
  failed: { type: 'failed', error },
  exited: { type: 'exited', exit: other },
  drained: { type: 'drained' },
} as const satisfies Record<LifeEvent['type'], LifeEvent>

type Phase = keyof typeof lives

describe('the life of a command', () => {
  // Where each event leads from each phase. An event that is not listed leaves the phase as it is.
  const table: Readonly<Record<Phase, Partial<Record<keyof typeof events, Phase>>>> = {
    starting: { started: 'running', failed: 'failed' },
    failed: {},
    running: { exited: 'draining' },
    draining: { drained: 'ended' },
    ended: {},
  }
  const cases = Object.keys(lives).flatMap((phase) =>
    Object.keys(events).map((type) => [phase, type] as [Phase, keyof typeof events]),
  )

  test.each(cases)('%s, then %s', (phase, type) => {
    expect(advance(lives[phase], events[type]).phase).toBe(table[phase][type] ?? phase)
  })

  test('the first exit is the one that counts', () => {
    expect(advance(lives.draining, events.exited)).toBe(lives.draining)
    expect(advance(lives.ended, events.exited)).toBe(lives.ended)
  })

  test('it is over after the last phase, and has exited when there is no process any more', () => {
    const phases = Object.values(lives)
    expect(phases.filter(isOver).map(({ phase }) => phase)).toEqual(['failed', 'ended'])
    expect(phases.filter(hasExited).map(({ phase }) => phase)).toEqual(['failed', 'draining', 'ended'])
  })
})

test.each<[Seen, Seen, Seen]>([
  ['no', 'no', 'no'],
  ['no', 'read', 'read'],
  ['no', 'reported', 'reported'],
  ['read', 'no', 'read'],
  ['read', 'reported', 'reported'],
  ['reported', 'read', 'reported'],
  ['reported', 'no', 'reported'],
])('an end that was seen as “%s”, and now as “%s”, is seen as “%s”', (before, now, after) => {
  expect(see(before, now)).toBe(after)
})
