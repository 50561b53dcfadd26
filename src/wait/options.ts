/** Milliseconds, and no more. */
export interface WaitOptions {
  readonly timeout?: number
}
