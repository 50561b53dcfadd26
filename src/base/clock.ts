import { performance } from 'node:perf_hooks'
import * as timers from 'node:timers'
import { runInNewContext } from 'node:vm'

// The only clock. It takes all functions when this file is loaded, because `vi.useFakeTimers()` and
// `jest.useFakeTimers()` replace the globals and the properties of Node's modules, and `vi.spyOn(performance, 'now')` a
// property of the object. They leave the prototype alone.

const {
  clearImmediate: clearTurn,
  clearInterval: clearTimerInterval,
  clearTimeout: clearTimer,
  setImmediate: startTurn,
  setInterval: startInterval,
  setTimeout: startTimer,
} = { ...timers }

const prototype = Object.getPrototypeOf(performance) as typeof performance
// Bun has the method only on the object.
const readClock = ('now' in prototype ? prototype : performance).now.bind(performance)

/** ms on a clock that only goes forward. */
export const now = (): number => readClock()

const sourceOf = (method: () => number): string => Function.prototype.toString.call(method)

/** Fake timers replace this by a method written in JavaScript. Then another realm has the real one. */
let readWallClock = sourceOf(Date.now) === 'function now() { [native code] }' ? Date.now : undefined

/**
 * ms since 1970, from a source that fake timers do not reach: the `Date` from before them, or the one of a new realm,
 * which takes some ms to make. `performance.timeOrigin` would be off after the machine was suspended or its clock was
 * set, and the result is compared with the times of files.
 */
export function wallClock(): number {
  readWallClock ??= runInNewContext('Date.now') as typeof Date.now
  return readWallClock()
}

/** ms after which short work may be done again, however much longer than usual it took. */
const longestRest = 1000

/**
 * Until when to rest after work that began at `begin` and has just ended: `times` its duration. On a busy machine, short
 * work spends most of that waiting for a processor, so the rest is no longer than a second, or than the work itself.
 */
export function restUntil(begin: number, times: number): number {
  const end = now()
  const took = end - begin
  return end + Math.min(times * took, Math.max(longestRest, took))
}

/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    startTimer(resolve, ms)
  })

/** Calls `callback` once, `ms` milliseconds from now. Returns a function that cancels that. */
export function after(ms: number, callback: () => void): () => void {
  const timer = startTimer(callback, ms)
  return () => clearTimer(timer)
}

/** A time to race against. `over` resolves after `ms` milliseconds, or with `end()`, which leaves no timer behind. */
export function timeLimit(ms: number): { readonly over: Promise<void>; readonly end: () => void } {
  let end = (): void => {}
  // It is resolved in any case: Vitest's --detect-async-leaks lists every promise that never is.
  const over = new Promise<void>((resolve) => {
    const cancel = after(ms, resolve)
    end = () => {
      cancel()
      resolve()
    }
  })
  return { over, end }
}

/**
 * Calls `callback` once, in this turn of the event loop, after what can be read has been read. Returns a function that
 * cancels that.
 */
export function soon(callback: () => void): () => void {
  const scheduled = startTurn(callback)
  return () => clearTurn(scheduled)
}

/** Resolves in this turn of the event loop, after what can be read has been read. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    startTurn(resolve)
  })

/** The longest time of a timer. It is always cancelled before. */
const longest = 0x7fff_ffff

/**
 * Keeps the process alive until the promise has settled. What the promise waits for, a child or a pipe, would not.
 *
 * @returns the same promise, which does not count as awaited.
 */
export function keepingAlive<Value>(promise: Promise<Value>): Promise<Value> {
  const release = after(longest, () => {})
  void Promise.prototype.then.call(promise, release, release)
  return promise
}

/** Calls `callback` every `ms` milliseconds, without keeping the process alive. Returns a function that ends this. */
export function every(ms: number, callback: () => void): () => void {
  const timer = startInterval(callback, ms)
  timer.unref()
  return () => clearTimerInterval(timer)
}

/**
 * Calls `callback` once, `ms` milliseconds from now, without keeping the process alive. Returns a function that cancels
 * that.
 */
export function later(ms: number, callback: () => void): () => void {
  const timer = startTimer(callback, ms)
  timer.unref()
  return () => clearTimer(timer)
}

const cell = new Int32Array(new SharedArrayBuffer(4))

/** Blocks this thread for `ms` milliseconds. For the tight kill loop, where a turn of the event loop takes too long. */
export function pause(ms: number): void {
  Atomics.wait(cell, 0, 0, ms)
}

/** Delays for a poll that is quick at first and cheap later: 1, 1, 2, 3, 5 … up to `most` milliseconds. */
export function* backoff(most: number): Generator<number, never> {
  let [last, next] = [1, 1]
  for (;;) {
    yield Math.min(last, most)
    ;[last, next] = [next, last + next]
  }
}

/**
 * Looks until `look` returns something other than `undefined`, or `timeout` milliseconds have passed. It looks at least
 * once, and once more at the very end.
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
