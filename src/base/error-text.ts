import { escapeText } from './escape.js'

// The text of this package's errors, and how to recognise them. Separate from the classes, which few workers need.

/** Every error of this package carries it, whichever copy of the package made the error. */
export const brand = Symbol.for('proctor.error')
const help = Symbol.for('proctor.help')

interface Helped {
  readonly [help]?: readonly string[]
}

/** Whether `error` is from this package and, if a name is given, has exactly that name. A subclass has not. */
export const isBranded = (error: unknown, name?: string): error is Error =>
  typeof error === 'object' &&
  error !== null &&
  brand in error &&
  (name === undefined || (error as { name?: unknown }).name === name)

/** What a person reads of an error: the message, which tests compare, and below it the lines of help. */
export function printed(error: Error): string {
  const lines = (error as Helped)[help] ?? []
  return escapeText(lines.length === 0 ? error.message : `${error.message}\n\n${lines.join('\n')}`)
}

/** The frames of an error's stack. Undefined if the stack does not begin with what is printed of the error. */
export function framesBelow(error: unknown): string | undefined {
  if (!(error instanceof Error) || typeof error.stack !== 'string') return undefined
  const { name, stack } = error
  const before = `${name}: ${printed(error)}`
  return stack.startsWith(before) ? stack.slice(before.length) : undefined
}

/**
 * Adds lines of help to an error. Every runner prints them below the message; `message` stays as it is.
 *
 * @returns the same error.
 */
export function withHelp<Kind extends Error>(error: Kind, lines: readonly string[]): Kind {
  if (lines.length === 0) return error
  const frames = framesBelow(error)
  const known = (error as Helped)[help] ?? []
  const more = lines.filter((line) => !known.includes(line))
  Object.defineProperty(error, help, { value: [...known, ...more], configurable: true })
  if (frames !== undefined) error.stack = `${error.name}: ${printed(error)}${frames}`
  return error
}

/** Removes the frames from the stack of an error that no line of the test has raised. */
export function withoutFrames(error: Error): void {
  error.stack = `${error.name}: ${printed(error)}`
}

/** The lines that `withHelp` has added to an error. */
export const helpOf = (error: unknown): readonly string[] => (error as Helped | undefined)?.[help] ?? []
