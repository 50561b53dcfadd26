import type { ProctorMatchers } from './types.js'

/** The one list of the matchers that each runner registers. */
export const matcherNames = [
  'toBeAlive',
  'toBeDead',
  'toBeFree',
  'toHaveExitedWith',
  'toHaveOutput',
  'toHaveScreen',
  'toMatchScreenInlineSnapshot',
  'toMatchScreenSnapshot',
  'toMatchWorkspaceInlineSnapshot',
  'toMatchWorkspaceSnapshot',
  'toThrowAlreadyExited',
  'toThrowFailedExit',
  'toThrowUnexpectedExit',
  'toUseLessThan',
] as const satisfies readonly (keyof ProctorMatchers)[]

export type MatcherName = (typeof matcherNames)[number]
