import type { SpawnError } from '../base/errors.js'

// Where a command stands in its life, and how much of its end the test has seen. Pure: two state machines.
//
//   starting ──> failed
//      └──────> running ──> draining ──> ended

/** How a process ended. `at` is on the clock of `now()`. */
export interface ExitStatus {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly at: number
}

export type Life =
  /** Nobody knows yet whether the program can be started. */
  | { readonly phase: 'starting' }
  | { readonly phase: 'failed'; readonly error: SpawnError }
  | { readonly phase: 'running' }
  /** The process has exited; the rest of its output may still come. */
  | { readonly phase: 'draining'; readonly exit: ExitStatus }
  | { readonly phase: 'ended'; readonly exit: ExitStatus }

export type LifeEvent =
  | { readonly type: 'started' }
  | { readonly type: 'failed'; readonly error: SpawnError }
  | { readonly type: 'exited'; readonly exit: ExitStatus }
  | { readonly type: 'drained' }

/** The life after an event. An event that does not fit the phase changes nothing: exits and drains are reported twice. */
export function advance(life: Life, event: LifeEvent): Life {
  switch (event.type) {
    case 'started':
      return life.phase === 'starting' ? { phase: 'running' } : life
    case 'failed':
      return life.phase === 'starting' ? { phase: 'failed', error: event.error } : life
    case 'exited':
      return life.phase === 'running' ? { phase: 'draining', exit: event.exit } : life
    case 'drained':
      return life.phase === 'draining' ? { phase: 'ended', exit: life.exit } : life
  }
}

/** Whether nothing more will become of it: its exit and its output, or its failure to start, are known. */
export const isOver = ({ phase }: Life): boolean => phase === 'failed' || phase === 'ended'

/** Whether there is no process any more; the rest of its output may still come. */
export const hasExited = ({ phase }: Life): boolean => phase !== 'starting' && phase !== 'running'

/**
 * How much the test has seen of an end: `read` when it has looked at `exitCode` or `exitSignal`, `reported` when a wait,
 * an ending, a matcher or an error has told it.
 */
export type Seen = 'no' | 'read' | 'reported'

const order: readonly Seen[] = ['no', 'read', 'reported']

/** What has been seen is never unseen. */
export const see = (before: Seen, now: Seen): Seen => (order.indexOf(now) > order.indexOf(before) ? now : before)
