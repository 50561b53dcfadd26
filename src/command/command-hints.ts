import { backslashHint, endlessInputHint, openInputHint, projectPathHint, type Started, startHint } from './hints.js'
import { currentFolder } from '../base/start-folder.js'

/** How far a command has come, for the choice of its hints. */
export interface Progress {
  readonly hasExited: boolean
  readonly hasWritten: boolean
  /** Whether its standard input is open, and whether the test has written nothing to it. */
  readonly input: 'untouched' | 'open' | 'closed'
}

/** The hints for a command that did not do what was expected. */
export function hintsFor(started: Started, progress: Progress, isForExit: boolean): string[] {
  const path = backslashHint(started) ?? projectPathHint(started, currentFolder())
  // A server reads no input. Once the program has written something, only a wait for its end gets this hint.
  const mayBeReading = !progress.hasExited && (isForExit || (!progress.hasWritten && progress.input === 'untouched'))
  const hint = { untouched: openInputHint, open: endlessInputHint, closed: undefined }[progress.input]
  return [path, mayBeReading ? hint : undefined].filter((line) => line !== undefined)
}

/** The hints for a command that could not be started, for this reason. */
export function hintsForStart(started: Started, code: string | undefined, progress: Progress): string[] {
  const start = startHint(started.words, code)
  return [...(start === undefined ? [] : [start]), ...hintsFor(started, progress, false)]
}
