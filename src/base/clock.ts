import { performance } from 'node:perf_hooks'
import * as timers from 'node:timers'
import { runInNewContext } from 'node:vm'

// The only clock. Everything is taken here when this file is loaded: `vi.useFakeTimers()` and `jest.useFakeTimers()`
// replace the globals and the properties of Node's modules, and `vi.spyOn(performance, 'now')` a property of the object.
// They leave the prototype alone.

const {
  clearImmediate: clearTurn,
  clearInterval: clearTimerInterval,
  clearTimeout: clearTimer,
  setImmediate: startTurn,
  setInterval: startInterval,
  setTimeout: startTimer,
} = { ...timers }

const prototype = Object.getPrototypeOf(performance) as typeof performance
// Bun has the method on the object alone.
const readClock = ('now' in prototype ? prototype : performance).now.bind(performance)

/** Milliseconds on a clock that only goes forward. */
export const now = (): number => readClock()

const sourceOf = (method: () => number): string => Function.prototype.toString.call(method)

/** Fake timers put a method of their own in its place, which is written in JavaScript: then a realm of its own has one. */
let readWallClock = sourceOf(Date.now) === 'function now() { [native code] }' ? Date.now : undefined

/**
 * Milliseconds since 1970, from a source that fake timers do not reach: the `Date` of before them, or of a realm of its
 * own, which takes a worker some ms to make.
 * `performance.timeOrigin` would be off after the machine was suspended or its clock was set, and times of files are
 * compared with this.
 */
export function wallClock(): number {
  readWallClock ??= runInNewContext('Date.now') as typeof Date.now
  return readWallClock()
}

/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    startTimer(resolve, ms)
  })

/** Calls `callback` once, `ms` milliseconds from now. Returns what takes that back. */
export function after(ms: number, callback: () => void): () => void {
  const timer = startTimer(callback, ms)
  return () => clearTimer(timer)
}

/** Calls `callback` once, in this turn of the event loop, when what there is to be read has been. Returns what takes that back. */
export function soon(callback: () => void): () => void {
  const scheduled = startTurn(callback)
  return () => clearTurn(scheduled)
}

/** Resolves in this turn of the event loop, when what there is to be read has been. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    startTurn(resolve)
  })

/** The longest that a timer can wait: it is always taken back before. */
const longest = 0x7fff_ffff

/**
 * Keeps the process alive until the promise has settled. What it waits for alone would not: a child, a pipe.
 *
 * @returns the same promise, which does not count as awaited by this.
 */
export function keepingAlive<Value>(promise: Promise<Value>): Promise<Value> {
  const release = after(longest, () => {})
  void Promise.prototype.then.call(promise, release, release)
  return promise
}

/** Calls `callback` every `ms` milliseconds and keeps no process alive for it. Returns what ends it. */
export function every(ms: number, callback: () => void): () => void {
  const timer = startInterval(callback, ms)
  timer.unref()
  return () => clearTimerInterval(timer)
}

/** Calls `callback` once, `ms` milliseconds from now, and keeps no process alive for it. */
export function later(ms: number, callback: () => void): void {
  startTimer(callback, ms).unref()
}

const cell = new Int32Array(new SharedArrayBuffer(4))

/** Blocks this thread for `ms` milliseconds: for the tight kill loop, where a turn of the event loop is too long. */
export function pause(ms: number): void {
  Atomics.wait(cell, 0, 0, ms)
}

/** Delays for a poll that is prompt at first and cheap later: 1, 1, 2, 3, 5 … up to `most` milliseconds. */
export function* backoff(most: number): Generator<number, never> {
  let [last, next] = [1, 1]
  for (;;) {
    yield Math.min(last, most)
    ;[last, next] = [next, last + next]
  }
}

/**
 * Looks until `look` gives something other than `undefined`, or `timeout` milliseconds have passed.
 * It looks at least once, and once more at the very end.
 */
export async function pollUntil<Found>(
  look: () => Found | undefined | Promise<Found | undefined>,
  timeout: number,
  most = 50,
): Promise<Found | undefined> {
  const deadline = now() + timeout
  for (const delay of backoff(most)) {
    const late = now() >= deadline
    const found = await look()
    if (found !== undefined || late) return found
    await sleep(Math.max(1, Math.min(delay, deadline - now())))
  }
  return undefined
}
