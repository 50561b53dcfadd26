import type { Process, Screen } from '../command/process.js'
import type { WaitOptions } from '../wait/options.js'
import type { Key } from './keys.js'

/** A command in a pseudo-terminal. All that it writes is in `stdout`, with its escape sequences. */
export interface TerminalProcess extends Process {
  /** What a person would see on its terminal now. */
  readonly screen: Screen
  /**
   * Waits until something is on the screen: a text, a match of a regular expression, or what a function of the screen
   * accepts. Patterns are compared with the rows in both forms, `stripped` and `text`.
   *
   * @throws {WaitTimeoutError} after `timeout` ms; {UnexpectedExitError} if the program exits first.
   * @example
   * await editor.waitForScreen('-- INSERT --')
   * await editor.waitForScreen((screen) => screen.cursor.row === 3)
   */
  waitForScreen(pattern: string | RegExp | ((screen: Screen) => boolean), options?: WaitOptions): Promise<void>
  /**
   * Presses keys, one after the other: names, characters, combinations, and texts to paste.
   *
   * @throws {TypeError} on an unknown key; the message names the known ones.
   * @throws {UnexpectedExitError} {AlreadyExitedError} once the program has exited.
   * @example
   * await editor.press('ArrowDown', 'Ctrl+X', { paste: 'a text\nof two lines' }, 'Enter')
   */
  press(...keys: Key[]): Promise<void>
  /**
   * Changes the terminal's size to 2 to 1000 columns and 1 to 1000 rows. The program gets SIGWINCH.
   *
   * @throws {TypeError} on another size; {UnexpectedExitError} {AlreadyExitedError} once the program has exited.
   * @example
   * editor.resize(120, 40)
   */
  resize(columns: number, rows: number): void
}
