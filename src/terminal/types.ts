import type { Process, Screen } from '../command/process.js'
import type { WaitOptions } from '../wait/options.js'
import type { Key } from './keys.js'

/** A command in a pseudo-terminal. Everything that it writes is on `stdout`, with its escape sequences. */
export interface TerminalProcess extends Process {
  /** What a person would see on its terminal now. */
  readonly screen: Screen
  /**
   * Waits until something is on the screen: a text, a regular expression's match, or what a function of the screen says.
   * It looks at the rows as `stripped` has them, and as `text` does.
   *
   * @throws {WaitTimeoutError} after `timeout` ms; {UnexpectedExitError} when the program exits first.
   * @example
   * await editor.waitForScreen('-- INSERT --')
   * await editor.waitForScreen((screen) => screen.cursor.row === 3)
   */
  waitForScreen(pattern: string | RegExp | ((screen: Screen) => boolean), options?: WaitOptions): Promise<void>
  /**
   * Presses keys, one after the other: names, characters, combinations, and texts that are pasted.
   *
   * @throws {TypeError} on a key that is not known; the message names those that are.
   * @throws {UnexpectedExitError} {AlreadyExitedError} once the program has exited.
   * @example
   * await editor.press('ArrowDown', 'Ctrl+X', { paste: 'a text\nof two lines' }, 'Enter')
   */
  press(...keys: Key[]): Promise<void>
  /**
   * Changes the terminal's size. The program gets SIGWINCH. 2 to 1000 columns, 1 to 1000 rows.
   *
   * @throws {TypeError} on another size; {UnexpectedExitError} {AlreadyExitedError} once the program has exited.
   * @example
   * editor.resize(120, 40)
   */
  resize(columns: number, rows: number): void
}
