import { milliseconds, type Rules } from '../base/check.js'

/** Milliseconds, and no more. */
export interface WaitOptions {
  readonly timeout?: number
}

export const waitRules: Rules<WaitOptions> = { timeout: milliseconds }
