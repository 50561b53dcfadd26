import { AlreadyExitedError, type CommandState, FailedExitError, UnexpectedExitError } from '../base/errors.js'

// Pure. Which of the three exit errors a call gets: two depend on what the test knew of the exit, one on how the
// command ended.

/** What the test knows about the exit of a process. */
export type ExitKnowledge = 'running' | 'exited, not seen' | 'exited, seen'

/** The error of a call that needs a running process. `undefined` while it runs. */
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

/** The error of `waitForSuccessfulExit`; undefined if the exit was successful. */
export const errorOfExit = (state: CommandState): FailedExitError | undefined =>
  state.exitCode === 0 && state.exitSignal === null ? undefined : new FailedExitError(state)
