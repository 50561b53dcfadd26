import type { ProctorMatchers } from './types.js'

/** The one list of the matchers: what each runner registers. */
export const matcherNames = [
  'toBeAlive',
  'toBeDead',
  'toHaveExitedWith',
  'toHaveOutput',
  'toHaveScreen',
  'toMatchScreenInlineSnapshot',
  'toMatchScreenSnapshot',
  'toThrowAlreadyExited',
  'toThrowFailedExit',
  'toThrowUnexpectedExit',
] as const satisfies readonly (keyof ProctorMatchers)[]

export type MatcherName = (typeof matcherNames)[number]
