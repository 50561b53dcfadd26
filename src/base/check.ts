import { constants } from 'node:os'
import { isPlain, isRegExp, tagOf } from './kinds.js'
import { nearestOf } from './nearest.js'
import { show } from './words.js'

// Checks what callers pass. An unknown name or a wrong type gives one clear error at once, before anything starts. The
// rules of its options are in each room.

export interface Rule {
  readonly accepts: string
  test(value: unknown): boolean
  /** Says what in a list or an object is wrong. */
  blame?(value: unknown): string | undefined
}

export const isSignal = (value: unknown): value is NodeJS.Signals =>
  typeof value === 'string' && Object.hasOwn(constants.signals, value)

export const milliseconds: Rule = {
  accepts: 'a number of milliseconds, 0 or more',
  test: (value) => typeof value === 'number' && value >= 0 && value <= 0x7fff_ffff,
}
export const duration: Rule = {
  accepts: 'a number of milliseconds above 0',
  test: (value) => milliseconds.test(value) && value !== 0,
}
export const oneOf = (...words: readonly string[]): Rule => ({
  accepts: words.map((word) => `'${word}'`).join(' or '),
  test: (value) => words.includes(value as string),
})
export const text: Rule = { accepts: 'a string', test: (value) => typeof value === 'string' }
export const isObject = (value: unknown): value is Record<string, unknown> => tagOf(value) === 'Object'
const isEntry = ([name, entry]: readonly [string, unknown]): boolean =>
  (entry === undefined || Number.isFinite(entry) || (typeof entry === 'string' && !entry.includes('\0'))) &&
  !/[=\0]/.test(name) &&
  name !== ''
export const environment: Rule = {
  accepts: 'an object of names and strings or numbers (undefined removes a variable)',
  test: (value) => isObject(value) && Object.entries(value).every(isEntry),
  blame: (value) => {
    const wrong = isObject(value) ? Object.entries(value).find((entry) => !isEntry(entry)) : undefined
    return wrong && `an object with ${JSON.stringify(wrong[0])}: ${show(wrong[1])}`
  },
}
/** The empty text would match every command line. */
const isPattern = (entry: unknown): boolean => (typeof entry === 'string' && entry !== '') || isRegExp(entry)
export const commandLines: Rule = {
  accepts: 'an array of strings and regular expressions',
  test: (value) => Array.isArray(value) && value.every(isPattern),
  blame: (value) =>
    Array.isArray(value) ? `an array with ${show(value.find((entry) => !isPattern(entry)))}` : undefined,
}

export const flag: Rule = { accepts: 'true or false', test: (value) => typeof value === 'boolean' }

export const wholeNumber = (least: number, most: number): Rule => ({
  accepts: `a whole number from ${least} to ${most}`,
  test: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
})

/** One rule for each option. An option without a rule does not compile, and neither does a rule without an option. */
export type Rules<Options> = Readonly<Record<keyof Options, Rule>>

/**
 * Checks the options of a call.
 *
 * @param elsewhere what to write instead of options that other packages have.
 *
 * @throws {TypeError} that names the option, what was given and what is accepted.
 */
export function checkOptions<Options>(
  caller: string,
  options: unknown,
  rules: Rules<Options>,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (options === undefined) return
  if (!isPlain(options)) {
    throw new TypeError(`${caller}: options are an object, not ${show(options)}.`)
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name as keyof Options] : undefined
    if (rule === undefined) {
      throw new TypeError(
        `${caller}: unknown option ${JSON.stringify(name)}. Accepted are ${Object.keys(rules).join(', ')}.${advice(name, Object.keys(rules), elsewhere)}`,
      )
    }
    if (value !== undefined && !rule.test(value)) {
      const given = rule.blame?.(value) ?? show(value)
      throw new TypeError(`${caller}: ${name} is ${given}. Accepted is ${rule.accepts}.`)
    }
  }
}

function advice(name: string, accepted: readonly string[], elsewhere: Readonly<Record<string, string>>): string {
  if (Object.hasOwn(elsewhere, name)) return ` ${elsewhere[name]}`
  const meant = nearestOf(name, accepted)
  return meant === undefined ? '' : ` Did you mean ${meant}?`
}

/** Checks a command and its arguments. */
export function checkCommand(caller: string, command: unknown, args: unknown): void {
  if (typeof command !== 'string') {
    throw new TypeError(`${caller}: the command is ${show(command)}. Accepted is a string.`)
  }
  if (!Array.isArray(args)) {
    throw new TypeError(`${caller}: the arguments are ${show(args)}. Accepted is an array of strings.`)
  }
  for (const [index, argument] of args.entries()) {
    if (typeof argument !== 'string') {
      throw new TypeError(`${caller}: argument ${index + 1} is ${show(argument)}. Accepted is a string.`)
    }
  }
}

/** Checks the name of a signal. */
export function checkSignal(caller: string, signal: unknown): void {
  if (!isSignal(signal)) {
    throw new TypeError(`${caller}: ${show(signal)} is no signal of this system. Accepted are names such as 'SIGTERM'.`)
  }
}

/** An option whose value is undefined counts as missing. */
export const withoutUndefined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options
