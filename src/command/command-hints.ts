import { backslashHint, openInputHint, projectPathHint, type Started, startHint } from './hints.js'
import { currentFolder } from './launch/search-path.js'

/** How far a command has come, for the choice of its hints. */
export interface Progress {
  readonly hasExited: boolean
  readonly hasWritten: boolean
  /** Whether its standard input is open and the test has written nothing to it. */
  readonly isInputUntouched: boolean
}

/** The hints for a command that did not do what was expected. */
export function hintsFor(started: Started, progress: Progress, isForExit: boolean): string[] {
  const path = backslashHint(started) ?? projectPathHint(started, currentFolder())
  // A server reads no input. Once the program has written something, only a wait for its end gets this hint.
  const mayBeReading = !progress.hasExited && progress.isInputUntouched && (isForExit || !progress.hasWritten)
  return [...(path === undefined ? [] : [path]), ...(mayBeReading ? [openInputHint] : [])]
}

/** The hints for a command that could not be started, for this reason. */
export function hintsForStart(started: Started, code: string | undefined, progress: Progress): string[] {
  const start = startHint(started.words, code)
  return [...(start === undefined ? [] : [start]), ...hintsFor(started, progress, false)]
}
