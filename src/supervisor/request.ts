import { parseArgs } from 'node:util'
import type { ContainmentLevel } from '../containment/containment.js'
import { quoteArgument, quoteCommand } from '../base/command-line.js'
import { escapeControls } from '../base/escape.js'
import { parsePattern } from '../wait/pattern.js'

/** What happens to processes that the command left, and whether they fail the run. */
export type LeakPolicy = 'fail' | 'kill' | 'warn' | 'report'

/** What the command line of `proctor run` asks for. Times are in ms. */
export interface RunRequest {
  readonly command: string
  readonly args: readonly string[]
  readonly timeout: number | undefined
  readonly grace: number
  readonly leakTimeout: number
  readonly leaks: LeakPolicy
  readonly allow: readonly (string | RegExp)[]
  readonly json: string | undefined
  readonly trace: string | undefined
  readonly containment: 'auto' | ContainmentLevel
}

/** The command line is wrong. */
export class UsageError extends Error {}

const policies = ['fail', 'kill', 'warn', 'report'] as const
const levels = ['auto', 'strict', 'basic'] as const

const options = {
  timeout: { type: 'string' },
  grace: { type: 'string' },
  'leak-timeout': { type: 'string' },
  leaks: { type: 'string' },
  allow: { type: 'string' },
  json: { type: 'string' },
  trace: { type: 'string' },
  containment: { type: 'string' },
} as const

type Name = keyof typeof options

const accepted = Object.keys(options)
  .map((name) => `--${name}`)
  .join(', ')

const show = (text: string): string => escapeControls(quoteArgument(text))

/** A duration as timeout(1) and Node's users write it: `500`, `500ms`, `1.5s`, `2m`, `1h`. */
function parseDuration(name: Name, text: string, least: number): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? 'ms']!
  const duration = Math.round(Number(match?.[1]) * unit)
  if (match !== null && duration >= least && duration <= 0x7fff_ffff) return duration
  const kind = least === 0 ? '0 or more' : 'above 0'
  throw new UsageError(
    `--${name} is ${show(text)}. Accepted is a number ${kind} of milliseconds, or with a unit: 500, 500ms, 30s, 2m, 1h.`,
  )
}

function oneOf<Word extends string>(name: Name, text: string, words: readonly Word[]): Word {
  const word = words.find((each) => each === text)
  if (word !== undefined) return word
  throw new UsageError(`--${name} is ${show(text)}. Accepted are ${words.join(', ')}.`)
}

function toPattern(text: string): string | RegExp {
  if (text === '')
    throw new UsageError("--allow is ''. Accepted is a part of a command line, or /a regular expression/.")
  try {
    return parsePattern(text)
  } catch (error) {
    throw new UsageError(`--allow: ${show(text)} is no regular expression (${(error as Error).message}).`)
  }
}

/** The values of the options. `allow` has all of its values. */
function readOptions(parameters: readonly string[]): { values: Partial<Record<Name, string>>; allow: string[] } {
  const { tokens } = parseArgs({ args: [...parameters], options, strict: false, allowPositionals: true, tokens: true })
  const values: Partial<Record<Name, string>> = {}
  const allow: string[] = []
  let last: string | undefined
  for (const token of tokens) {
    if (token.kind === 'option') {
      if (!Object.hasOwn(options, token.name)) {
        throw new UsageError(`Unknown option ${show(token.rawName)}. Accepted are ${accepted}.`)
      }
      const isEmptyPath = token.value === '' && ['json', 'trace'].includes(token.name)
      if (typeof token.value !== 'string' || isEmptyPath) throw new UsageError(`${token.rawName} needs a value.`)
      last = token.name
      if (last === 'allow') allow.push(token.value)
      else values[token.name as Name] = token.value
    } else if (token.kind === 'positional') {
      if (last !== 'allow') {
        throw new UsageError(`Unexpected ${show(token.value)}. The command comes after \`--\`: proctor run -- COMMAND.`)
      }
      allow.push(token.value)
    }
  }
  return { values, allow }
}

/**
 * Reads the command line after `proctor run`.
 *
 * @throws {UsageError} one sentence: what was given, and what is accepted.
 */
export function parseRequest(parameters: readonly string[]): RunRequest {
  const end = parameters.indexOf('--')
  const { values, allow } = readOptions(end === -1 ? parameters : parameters.slice(0, end))
  const [command, ...args] = end === -1 ? [] : parameters.slice(end + 1)
  if (command === undefined || command === '') {
    throw new UsageError('The command is missing: proctor run [options] -- COMMAND.')
  }
  return {
    command,
    args,
    timeout: values.timeout === undefined ? undefined : parseDuration('timeout', values.timeout, 1),
    grace: parseDuration('grace', values.grace ?? '1000', 0),
    leakTimeout: parseDuration('leak-timeout', values['leak-timeout'] ?? '2000', 0),
    leaks: oneOf('leaks', values.leaks ?? 'fail', policies),
    allow: allow.map(toPattern),
    json: values.json,
    trace: values.trace,
    containment: oneOf('containment', values.containment ?? 'auto', levels),
  }
}

/** The command as a shell would show it. */
export const commandLineOf = ({ command, args }: RunRequest): string => quoteCommand([command, ...args])
