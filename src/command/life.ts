import type { SpawnError } from '../base/errors.js'

// Where a command stands in its life, and how much of its end the test has seen. Pure: two state machines.
//
//   starting ──> failed
//      └──────> running ──> draining ──> ended

/** How a process ended. `at` is in ms on our clock. */
export interface ExitStatus {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly at: number
}

export type Life =
  /** It is not known yet whether the program can be started. */
  | { readonly phase: 'starting' }
  | { readonly phase: 'failed'; readonly error: SpawnError }
  | { readonly phase: 'running' }
  /** The process has exited. More of its output may still come. */
  | { readonly phase: 'draining'; readonly exit: ExitStatus }
  | { readonly phase: 'ended'; readonly exit: ExitStatus }

export type LifeEvent =
  | { readonly type: 'started' }
  | { readonly type: 'failed'; readonly error: SpawnError }
  | { readonly type: 'exited'; readonly exit: ExitStatus }
  | { readonly type: 'drained' }

/**
 * Returns the life after an event. An event that does not fit the phase changes nothing, because exits and drains may
 * be reported twice.
 */
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

/** Whether this is the last phase: the exit and the output, or the failure to start, are known. */
export const isOver = ({ phase }: Life): boolean => phase === 'failed' || phase === 'ended'

/** Whether there is no process any more. More of its output may still come. */
export const hasExited = ({ phase }: Life): boolean => phase !== 'starting' && phase !== 'running'

/**
 * How much of an end the test has seen. `read`: it has looked at `exitCode` or `exitSignal`. `reported`: a wait, an
 * ending, a matcher or an error has told it.
 */
export type Seen = 'no' | 'read' | 'reported'

const order: readonly Seen[] = ['no', 'read', 'reported']

/** What has been seen stays seen. */
export const see = (before: Seen, now: Seen): Seen => (order.indexOf(now) > order.indexOf(before) ? now : before)
