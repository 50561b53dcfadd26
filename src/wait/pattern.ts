import { withoutEscapes } from '../base/escape-sequences.js'
import { isRegExp } from '../base/kinds.js'

/** What output is compared with: a part of it, a regular expression, or a function of all of it. */
export type OutputPattern = string | RegExp | ((output: string) => boolean | Promise<boolean>)

interface Found {
  readonly value: RegExpExecArray | string
}

/** The same regular expression without the flags that make exec() stateful. */
const stateless = (pattern: RegExp): RegExp => new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''))

const isPromise = (value: boolean | Promise<boolean>): value is Promise<boolean> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

/** A terminal turns the line end that a program writes into `\r\n`: see ONLCR in termios(3). */
const withoutReturns = (text: string): string => text.replaceAll(/\r{1,3}\n/g, '\n')

/**
 * An output as it was written, and as a person reads it. In a terminal, each of these with the program's line ends,
 * too.
 */
function* readingsOf(text: string, isTerminal: boolean, isPlainFirst: boolean): Generator<string> {
  const plain = withoutEscapes(text)
  const readings = plain === text ? [text] : isPlainFirst ? [plain, text] : [text, plain]
  yield* readings
  if (isTerminal) yield* readings.map(withoutReturns)
}

/** A regular expression that contains an escape sequence is meant to match one. */
// oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for.
const asksForEscapes = (source: string): boolean => /\u001b|\u009b|\\(?:x1b|u001b|u\{1b\}|x9b|c\[)/i.test(source)

/** Whether a person who reads an output finds a text in it. */
function holdsText(wanted: string, text: string, isTerminal: boolean): boolean {
  if (text.includes(wanted)) return true
  const asInTerminal = isTerminal ? withoutReturns(wanted) : wanted
  for (const reading of readingsOf(text, isTerminal, false)) {
    if (reading.includes(asInTerminal)) return true
  }
  return false
}

/**
 * The match that a person who reads an output finds. The readable text is tried first: `(\S+)` is meant to capture the
 * port, not the colours around it.
 */
function matchIn(expression: RegExp, text: string, isTerminal: boolean): RegExpExecArray | undefined {
  for (const reading of readingsOf(text, isTerminal, !asksForEscapes(expression.source))) {
    const match = expression.exec(reading)
    if (match !== null) return match
  }
  return undefined
}

/** Whether an output contains or matches this, as it was written or as a person reads it. */
export const isInOutput = (expected: string | RegExp, text: string, isTerminal = false): boolean =>
  typeof expected === 'string'
    ? holdsText(expected, text, isTerminal)
    : matchIn(stateless(expected), text, isTerminal) !== undefined

/** Whether an output equals a text, apart from white space at the end of either. */
export const isOutput = (expected: string, output: string): boolean =>
  [output, withoutEscapes(output)].some((reading) => reading.trimEnd() === expected.trimEnd())

/** Makes a function that looks for a pattern in what `text` returns at that time. */
export function lookFor(
  pattern: OutputPattern,
  text: () => string,
  isTerminal = false,
): () => Found | undefined | Promise<Found | undefined> {
  if (typeof pattern === 'string') {
    return () => {
      const output = text()
      return holdsText(pattern, output, isTerminal) ? { value: output } : undefined
    }
  }
  if (isRegExp(pattern)) {
    const expression = stateless(pattern)
    return () => {
      const match = matchIn(expression, text(), isTerminal)
      return match === undefined ? undefined : { value: match }
    }
  }
  return () => {
    const output = text()
    const toFound = (holds: boolean): Found | undefined => (holds ? { value: output } : undefined)
    const holds = pattern(output)
    // In a sandbox such as Jest's, a promise of Node itself is not an instance of the sandbox's Promise.
    return isPromise(holds) ? Promise.resolve(holds).then(toFound) : toFound(holds)
  }
}

/** Returns the result of a caller's function. A promise is refused, because it would count as true. */
export function refusePromise(what: string, value: boolean): boolean {
  if (isPromise(value)) throw new TypeError(`${what} gives true or false, not a promise.`)
  return value
}

/** Whether a text contains or matches this. */
export const isMatch = (expected: string | RegExp, text: string): boolean =>
  typeof expected === 'string' ? text.includes(expected) : stateless(expected).test(text)

/**
 * Parses a pattern from a command line or a variable: `/…/i` is a regular expression, anything else a part of a text.
 *
 * @throws {SyntaxError} if the text between the slashes is not a regular expression.
 */
export function parsePattern(text: string): string | RegExp {
  const match = /^\/(.+)\/([a-z]*)$/.exec(text)
  return match === null ? text : new RegExp(match[1]!, match[2])
}
