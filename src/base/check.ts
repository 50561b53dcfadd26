import { constants } from 'node:os'
import { isBytes, isRegExp } from './kinds.js'
import { show } from './words.js'

// What is accepted, said once: an unknown name or a wrong type is one clear error at once, before anything starts.

interface Rule {
  readonly accepts: string
  test(value: unknown): boolean
  /** What of a list or an object is wrong. */
  blame?(value: unknown): string | undefined
}

export const isSignal = (value: unknown): value is NodeJS.Signals =>
  typeof value === 'string' && Object.hasOwn(constants.signals, value)

const milliseconds: Rule = {
  accepts: 'a number of milliseconds, 0 or more',
  test: (value) => typeof value === 'number' && value >= 0 && value <= 0x7fff_ffff,
}
const duration: Rule = {
  accepts: 'a number of milliseconds above 0',
  test: (value) => milliseconds.test(value) && value !== 0,
}
const oneOf = (...words: readonly string[]): Rule => ({
  accepts: words.map((word) => `'${word}'`).join(' or '),
  test: (value) => words.includes(value as string),
})
const flag: Rule = { accepts: 'true or false', test: (value) => typeof value === 'boolean' }
const text: Rule = { accepts: 'a string', test: (value) => typeof value === 'string' }
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isEntry = ([name, entry]: readonly [string, unknown]): boolean =>
  (entry === undefined || Number.isFinite(entry) || (typeof entry === 'string' && !entry.includes('\0'))) &&
  !/[=\0]/.test(name) &&
  name !== ''
const environment: Rule = {
  accepts: 'an object of names and strings or numbers (undefined removes a variable)',
  test: (value) => isObject(value) && Object.entries(value).every(isEntry),
  blame: (value) => {
    const wrong = isObject(value) ? Object.entries(value).find((entry) => !isEntry(entry)) : undefined
    return wrong && `an object with ${JSON.stringify(wrong[0])}: ${show(wrong[1])}`
  },
}
/** The empty text is a part of every command line. */
const isPattern = (entry: unknown): boolean => (typeof entry === 'string' && entry !== '') || isRegExp(entry)
const commandLines: Rule = {
  accepts: 'an array of strings and regular expressions',
  test: (value) => Array.isArray(value) && value.every(isPattern),
  blame: (value) =>
    Array.isArray(value) ? `an array with ${show(value.find((entry) => !isPattern(entry)))}` : undefined,
}

export const runRules = {
  cwd: text,
  env: environment,
  input: { accepts: 'a string or bytes', test: (value) => typeof value === 'string' || isBytes(value) },
  timeout: duration,
  shell: {
    accepts: 'true, false or the path of a shell',
    test: (value) => typeof value === 'boolean' || typeof value === 'string',
  },
  leaks: oneOf('fail', 'kill'),
  allow: commandLines,
  usage: flag,
  terminal: {
    accepts: 'true, false or { columns, rows }',
    test: (value) => typeof value === 'boolean' || (typeof value === 'object' && value !== null),
  },
} satisfies Record<string, Rule>

export const proctorRules = {
  grace: milliseconds,
  leaks: oneOf('fail', 'kill'),
  leakTimeout: milliseconds,
  unexpectedExit: oneOf('fail', 'ignore'),
  waitTimeout: milliseconds,
  allow: commandLines,
  maxOutput: {
    accepts: 'a whole number of bytes from 0 to 250 MiB',
    test: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 250 * 1024 * 1024,
  },
  keepWorkspace: oneOf('never', 'on-failure', 'always'),
  env: environment,
  containment: oneOf('auto', 'strict', 'basic'),
  trace: oneOf('off', 'on-failure', 'on'),
  traceDir: text,
  usage: flag,
} satisfies Record<string, Rule>

export const guardRules = {
  mode: oneOf('fail', 'warn', 'kill', 'off'),
  unit: oneOf('test', 'file'),
  allow: commandLines,
  leakTimeout: milliseconds,
  containment: oneOf('auto', 'strict', 'basic'),
} satisfies Record<string, Rule>

/** What is in them has rules of its own. */
const isOptions = (value: unknown): boolean => typeof value === 'boolean' || isObject(value)
export const jestConfigRules = {
  guard: { accepts: 'true, false or options of the guard', test: isOptions },
  sweep: { accepts: 'true or false', test: (value) => typeof value === 'boolean' },
  options: { accepts: 'options of a fixture', test: isObject },
} satisfies Record<string, Rule>
export const pluginRules = {
  guard: { accepts: 'true, false or options of the guard', test: isOptions },
  globalSetup: { accepts: 'true or false', test: (value) => typeof value === 'boolean' },
  reporter: { accepts: 'true or false', test: (value) => typeof value === 'boolean' },
  options: { accepts: 'options of a fixture', test: isObject },
} satisfies Record<string, Rule>

export const waitRules = { timeout: milliseconds } satisfies Record<string, Rule>
export const snapshotRules = {
  ansi: flag,
  workspace: flag,
  durations: flag,
  ports: flag,
  pids: flag,
} satisfies Record<string, Rule>
export const httpWaitRules = {
  timeout: milliseconds,
  status: {
    accepts: 'a status from 100 to 599, or a function of it',
    test: (value) =>
      typeof value === 'function' ||
      (typeof value === 'number' && Number.isInteger(value) && value >= 100 && value <= 599),
  },
} satisfies Record<string, Rule>
export const graceRules = { grace: milliseconds } satisfies Record<string, Rule>
export const outputWaitRules = {
  timeout: milliseconds,
  stream: oneOf('stdout', 'stderr', 'output'),
  since: {
    accepts: 'a mark from process.mark()',
    test: (value) =>
      typeof value === 'object' && value !== null && Number.isInteger((value as { position?: unknown }).position),
  },
} satisfies Record<string, Rule>

/**
 * Checks the options of a call.
 *
 * @throws {TypeError} that names the option, what was given and what is accepted.
 */
export function checkOptions(caller: string, options: unknown, rules: Record<string, Rule>): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${caller}: options are an object, not ${show(options)}.`)
  }
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined
    if (rule === undefined) {
      throw new TypeError(
        `${caller}: unknown option ${JSON.stringify(name)}. Accepted are ${Object.keys(rules).join(', ')}.`,
      )
    }
    if (value !== undefined && !rule.test(value)) {
      const given = rule.blame?.(value) ?? show(value)
      throw new TypeError(`${caller}: ${name} is ${given}. Accepted is ${rule.accepts}.`)
    }
  }
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

const wholeNumber = (least: number, most: number): Rule => ({
  accepts: `a whole number from ${least} to ${most}`,
  test: (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
})
const sizeRules = { columns: wholeNumber(2, 1000), rows: wholeNumber(1, 1000) } satisfies Record<string, Rule>

/** Checks the size of a terminal. */
export function checkSize(caller: string, size: unknown): void {
  checkOptions(caller, size, sizeRules)
}

/** Checks the name of a signal. */
export function checkSignal(caller: string, signal: unknown): void {
  if (!isSignal(signal)) {
    throw new TypeError(`${caller}: ${show(signal)} is no signal of this system. Accepted are names such as 'SIGTERM'.`)
  }
}
