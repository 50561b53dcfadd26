/** What output is compared with: a part of it, a regular expression, or a function of all of it. */
export type OutputPattern = string | RegExp | ((output: string) => boolean | Promise<boolean>)

interface Found {
  readonly value: RegExpExecArray | string
}

/** The same regular expression without the flags that make exec() remember where it was. */
const stateless = (pattern: RegExp): RegExp => new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''))

const isPromise = (value: boolean | Promise<boolean>): value is Promise<boolean> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

/** A look for a pattern in what `text` gives at that time. */
export function lookFor(
  pattern: OutputPattern,
  text: () => string,
): () => Found | undefined | Promise<Found | undefined> {
  if (typeof pattern === 'string') {
    return () => {
      const output = text()
      return output.includes(pattern) ? { value: output } : undefined
    }
  }
  if (pattern instanceof RegExp) {
    const expression = stateless(pattern)
    return () => {
      const match = expression.exec(text())
      return match === null ? undefined : { value: match }
    }
  }
  return () => {
    const output = text()
    const toFound = (holds: boolean): Found | undefined => (holds ? { value: output } : undefined)
    const holds = pattern(output)
    // In a sandbox such as Jest's, what Node itself promises is no instance of the sandbox's own Promise.
    return isPromise(holds) ? Promise.resolve(holds).then(toFound) : toFound(holds)
  }
}

/** What a caller's function gave, which counts at once: whoever gives a promise would be taken to agree. */
export function refusePromise(what: string, value: boolean): boolean {
  if (isPromise(value)) throw new TypeError(`${what} gives true or false, not a promise.`)
  return value
}

/** Whether a text contains or matches. */
export const isMatch = (expected: string | RegExp, text: string): boolean =>
  typeof expected === 'string' ? text.includes(expected) : stateless(expected).test(text)
