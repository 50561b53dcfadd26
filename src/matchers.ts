export {
  toBeAlive,
  toBeDead,
  toHaveExitedWith,
  toHaveOutput,
  toThrowAlreadyExited,
  toThrowFailedExit,
  toThrowUnexpectedExit,
} from './matchers/life.js'
export { toHaveScreen, toMatchScreenInlineSnapshot, toMatchScreenSnapshot } from './matchers/screen.js'
export type { MatcherOptions, MatcherResult, MatcherState, ProctorMatchers } from './matchers/life.js'
