import { performance as nodePerformance } from 'node:perf_hooks'
import timers from 'node:timers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { after, backoff, every, now, pause, pollUntil, restUntil, sleep, wallClock } from '../../../src/base/clock.js'

test('the wall clock is Date’s, and no fake', () => {
  const before = Date.now()
  const read = wallClock()
  expect(read).toBeGreaterThanOrEqual(before)
  expect(read).toBeLessThanOrEqual(Date.now())
  vi.useFakeTimers({ now: 0 })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  expect(Date.now()).toBe(0)
  expect(wallClock()).toBeGreaterThan(1_000_000_000_000)
})

test('delays grow up to a limit', () => {
  const delays = backoff(20)
  expect(Array.from({ length: 10 }, () => delays.next().value)).toEqual([1, 1, 2, 3, 5, 8, 13, 20, 20, 20])
})

test('sleep and pause last as long as they say', async () => {
  const begin = now()
  await sleep(20)
  pause(20)
  expect(now() - begin).toBeGreaterThanOrEqual(38)
})

test('a timer can be cancelled', async () => {
  const calls: string[] = []
  after(5, () => calls.push('after'))
  after(5, () => calls.push('never'))()
  every(5, () => calls.push('never'))()
  const stop = every(5, () => calls.push('every'))
  await expect.poll(() => calls).toEqual(expect.arrayContaining(['after', 'every']))
  stop()
  expect(calls).not.toContain('never')
})

test('a poll looks at least once, and once more at the very end', async () => {
  let looks = 0
  expect(await pollUntil(() => ((looks += 1), undefined), 0)).toBeUndefined()
  expect(looks).toBe(1)
  looks = 0
  expect(await pollUntil(() => ((looks += 1) < 3 ? undefined : 'found'), 4000)).toBe('found')
  expect(looks).toBe(3)
  const begin = now()
  let last = 0
  expect(await pollUntil(() => void (last = now()), 60)).toBeUndefined()
  expect(last - begin).toBeGreaterThanOrEqual(60)
})

test('works if the tests replace every clock that they can reach', async () => {
  const spies = [
    vi.spyOn(performance, 'now').mockReturnValue(5),
    vi.spyOn(nodePerformance, 'now').mockReturnValue(5),
    vi.spyOn(timers, 'setTimeout').mockImplementation((() => {}) as never),
  ]
  try {
    const begin = now()
    await sleep(20)
    expect(now() - begin).toBeGreaterThan(10)
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
})

test.each([
  ['short work', 2, 20, 40],
  ['none at all', 0, 20, 0],
  ['short work of which this process has waited for a processor', 300, 20, 1000],
  ['long work', 1500, 20, 1500],
])('the rest after %s', (_, took, times, rest) => {
  const end = now()
  const until = restUntil(end - took, times)
  // The clock goes on between the two readings.
  expect(until - end).toBeGreaterThanOrEqual(rest)
  expect(until - end).toBeLessThan(rest + (times + 1) * (now() - end) + 0.001)
})
