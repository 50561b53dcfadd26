import { checkOptions } from '../base/check.js'
import { pollUntil } from '../base/clock.js'
import { endOfTest } from '../base/errors.js'
import { escapeControls } from '../base/escape.js'
import type { CommandProcess } from '../command/command-process.js'
import { commandOf } from '../command/handle.js'
import { waitRules } from '../wait/options.js'
import type { TemporaryWorkspace } from '../workspace/workspace.js'
import { currentWaitTimeouts } from '../wait/default-timeouts.js'

// The common part of the matchers. They are plain functions and know no runner. State matchers retry until they hold or
// their time is over; `.not` retries for the opposite.

/** What a runner passes to a matcher as `this`. */
export interface MatcherState {
  readonly isNot?: boolean
}

export interface MatcherResult {
  readonly pass: boolean
  readonly message: () => string
}

export interface MatcherOptions {
  /** ms, by default the fixture's `waitTimeout`. */
  readonly timeout?: number
}

/** `this` depends on the caller: a runner's state, a namespace of matchers, or nothing. */
export const stateOf = (self: unknown): MatcherState => (self ?? {}) as MatcherState

/** ms, if no fixture has a default. */
const defaultTimeout = 4000

export const describeSubject = (subject: unknown): string => {
  if (subject === null || subject === undefined) return String(subject)
  if (typeof subject === 'object') return Array.isArray(subject) ? 'an array' : 'an object'
  return typeof subject === 'function' ? 'a function' : `${typeof subject} ${String(subject as string | number)}`
}

export const hint = (matcher: string, isNot: boolean, parameter = ''): string =>
  `expect(received)${isNot ? '.not' : ''}.${matcher}(${parameter})`

export const refuseSubject = (matcher: string, accepted: string, subject: unknown): TypeError =>
  new TypeError(`${matcher}: received ${describeSubject(subject)}. Accepted is ${accepted}.`)

/**
 * The command behind a matcher's subject.
 *
 * @throws {TypeError} if the subject is not a process.
 */
export function subjectCommand(matcher: string, subject: unknown): CommandProcess {
  const process = commandOf(subject)
  if (process === undefined) throw refuseSubject(matcher, 'a process', subject)
  return process
}

export const checkWait = (matcher: string, options: MatcherOptions | undefined): void =>
  checkOptions(matcher, options, waitRules)

/** An expected value as a test writes it. */
export const written = (expected: unknown): string =>
  typeof expected === 'string' ? JSON.stringify(expected) : String(expected)

/** The end of a command's output, for a message. */
export function lastOutput(process: CommandProcess): string {
  const screen = process.lastScreen()
  const lines = screen?.split('\n') ?? process.log.lastLines(10).map(({ text }) => text)
  if (lines.every((line) => line === '')) return '\n\nNo output so far.'
  const what = screen === undefined ? 'output' : 'screen'
  return `\n\nlast ${what}\n${lines.map((line) => `│ ${escapeControls(line)}`.trimEnd()).join('\n')}`
}

export function describeProcess(process: CommandProcess): string {
  const state = process.state()
  if (process.record.spawnError !== undefined) return process.record.spawnError.message
  if (!process.isSettled) return `${process.command} is running (pid ${process.ownTree?.identity.pid})`
  return `${process.command} exited with ${state.exitSignal ?? state.exitCode} after ${process.durationMs} ms${endOfTest(state)}`
}

/** Counts a matcher as looking at a command while it does so. */
export const noted = <Look>(
  matcher: string,
  process: CommandProcess | undefined,
  look: () => Promise<Look>,
  holds?: (seen: Look) => boolean,
): Promise<Look> => (process === undefined ? look() : process.matchers.during(matcher, look, holds))

/** Looks until the result is the wished one, nothing will change any more, or the time is over. */
export async function retry<Look extends { readonly holds: boolean; readonly isFinal?: boolean }>(
  look: () => Look | Promise<Look>,
  wish: boolean,
  timeout: number,
): Promise<Look> {
  let seen: Look | undefined
  await pollUntil(async () => {
    seen = await look()
    return seen.holds === wish || seen.isFinal === true ? seen : undefined
  }, timeout)
  // It has looked at least once.
  return seen!
}

/**
 * Retries a look at a command, and counts the matcher as looking meanwhile.
 *
 * @param isMet whether the matcher passes, for the trace. By default it does once the look has the wished result.
 */
export const retryOn = <Look extends { readonly holds: boolean; readonly isFinal?: boolean }>(
  matcher: string,
  process: CommandProcess,
  look: () => Look,
  wish: boolean,
  options: MatcherOptions | undefined,
  isMet: (seen: Look) => boolean = ({ holds }) => holds === wish,
): Promise<Look> => noted(matcher, process, () => retry(look, wish, timeoutOf(options, process)), isMet)

/** Whether a command has ended and nothing holds its output any more, so that the output cannot change. */
export const isOutputFinal = (process: CommandProcess): boolean => process.isSettled && process.isOutputClosed

/** The message of a matcher: its call, a sentence that ends with the command's state, its output, and hints. */
export const messageAbout = (
  process: CommandProcess,
  call: string,
  sentence: string,
  hints: readonly string[] = [],
): string => [`${call}\n\n${sentence}: ${describeProcess(process)}.${lastOutput(process)}`, ...hints].join('\n')

export const timeoutOf = (
  options: MatcherOptions | undefined,
  subject: CommandProcess | TemporaryWorkspace | undefined,
): number =>
  options?.timeout ?? (subject?.waitTimeout ?? [...currentWaitTimeouts].at(-1))?.call(subject) ?? defaultTimeout
