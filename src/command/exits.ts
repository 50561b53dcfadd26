import { AlreadyExitedError, type CommandState, FailedExitError, UnexpectedExitError } from '../base/errors.js'

// What a call means depends on what the caller already knew. Pure: which of the three errors it is, two by what the test knew
// of the exit, and one by how the command ended.

/** Where a process stands, seen from the test. */
export type ExitKnowledge = 'running' | 'exited, not seen' | 'exited, seen'

/** The exit error of a call that only makes sense while the process runs. `undefined` while it does. */
export function errorOnceExited(
  knowledge: ExitKnowledge,
  state: CommandState,
): UnexpectedExitError | AlreadyExitedError | undefined {
  switch (knowledge) {
    case 'running':
      return undefined
    case 'exited, not seen':
      return new UnexpectedExitError(state)
    case 'exited, seen':
      return new AlreadyExitedError(state)
  }
}

/** What `waitForSuccessfulExit` says of an exit. */
export const errorOfExit = (state: CommandState): FailedExitError | undefined =>
  state.exitCode === 0 && state.exitSignal === null ? undefined : new FailedExitError(state)
