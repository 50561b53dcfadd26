export {
  toBeAlive,
  toBeDead,
  toHaveExitedWith,
  toHaveOutput,
  toThrowAlreadyExited,
  toThrowFailedExit,
  toThrowUnexpectedExit,
} from './fixture/expectations.js'
export { toHaveScreen, toMatchScreenInlineSnapshot, toMatchScreenSnapshot } from './fixture/screen-expectations.js'
export type { MatcherOptions, MatcherResult, MatcherState, ProctorMatchers } from './fixture/expectations.js'
