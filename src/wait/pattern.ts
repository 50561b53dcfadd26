import { withoutEscapes } from '../base/escape-sequences.js'
import { isRegExp } from '../base/kinds.js'

/** What output is compared with: a part of it, a regular expression, or a function of all of it. */
export type OutputPattern = string | RegExp | ((output: string) => boolean | Promise<boolean>)

interface Found {
  readonly value: RegExpExecArray | string
}

/** The same regular expression without the flags that make exec() remember where it was. */
const stateless = (pattern: RegExp): RegExp => new RegExp(pattern.source, pattern.flags.replaceAll(/[gy]/g, ''))

const isPromise = (value: boolean | Promise<boolean>): value is Promise<boolean> =>
  typeof (value as { then?: unknown } | null | undefined)?.then === 'function'

/** A terminal makes `\r\n` of the line end that a program writes: ONLCR, termios(3). */
const withoutReturns = (text: string): string => text.replaceAll(/\r{1,3}\n/g, '\n')

/** An output as it was written, as a person reads it, and in a terminal each of them with the line ends of the program. */
function* readingsOf(text: string, isTerminal: boolean, isPlainFirst: boolean): Generator<string> {
  const plain = withoutEscapes(text)
  const readings = plain === text ? [text] : isPlainFirst ? [plain, text] : [text, plain]
  yield* readings
  if (isTerminal) yield* readings.map(withoutReturns)
}

/** A regular expression with an escape sequence in it is meant to match that sequence. */
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
 * The match of a regular expression that a person who reads an output finds. What a person reads is tried first:
 * `(\S+)` is to capture the port, not the colours around it.
 */
function matchIn(expression: RegExp, text: string, isTerminal: boolean): RegExpExecArray | undefined {
  for (const reading of readingsOf(text, isTerminal, !asksForEscapes(expression.source))) {
    const match = expression.exec(reading)
    if (match !== null) return match
  }
  return undefined
}

/** Whether an output contains or matches, as it was written or as a person reads it. */
export const isInOutput = (expected: string | RegExp, text: string, isTerminal = false): boolean =>
  typeof expected === 'string'
    ? holdsText(expected, text, isTerminal)
    : matchIn(stateless(expected), text, isTerminal) !== undefined

/** Whether an output is a text, the white space at the end of either apart. */
export const isOutput = (expected: string, output: string): boolean =>
  [output, withoutEscapes(output)].some((reading) => reading.trimEnd() === expected.trimEnd())

/** A look for a pattern in what `text` gives at that time. */
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

/**
 * A pattern as it is written in a command line or a variable: `/…/i` is a regular expression, all else a part of a text.
 *
 * @throws {SyntaxError} for what is no regular expression between its slashes.
 */
export function parsePattern(text: string): string | RegExp {
  const match = /^\/(.+)\/([a-z]*)$/.exec(text)
  return match === null ? text : new RegExp(match[1]!, match[2])
}
