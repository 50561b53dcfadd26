import { Handles } from '../base/handle.js'
import type { KeyModes } from './keys.js'
import { isMatch, refusePromise } from '../wait/pattern.js'
import type { Screen } from '../command/process.js'
import { type Cell, drawSVG } from './svg.js'
import { type Core, type IBuffer, type IBufferCell, openTerminal, type Terminal } from './xterm.js'

/** How many lines that have left the screen at the top can come back when it grows. */
const scrollback = 1000

/** What a screen is compared with: a part of it, a regular expression, or a function. */
export type ScreenPattern = string | RegExp | ((screen: Screen) => boolean)

/** Whether a pattern is on a screen. The pattern may have the white space at the end of each row, or not. */
export function isOnScreen(pattern: ScreenPattern, screen: Screen): boolean {
  if (typeof pattern !== 'function') return isMatch(pattern, screen.stripped) || isMatch(pattern, screen.text)
  return refusePromise('A function of the screen', pattern(screen))
}

/** The handles of screens, for tests. */
export const screenHandles = new Handles<Screen, EmulatedScreen>({
  name: 'Screen',
  inside: Symbol.for('proctor.screen.1'),
  members: { text: 'value', stripped: 'shown', cursor: 'shown', columns: 'shown', rows: 'shown', toSVG: 'method' },
  print: ({ stripped, cursor, columns, rows }) => ({ stripped, cursor, columns, rows }),
})

/** The screen that a program in a terminal has drawn. */
export class EmulatedScreen implements Screen {
  #terminal: Terminal
  #core: Core

  /** Called with the terminal's reply when the program queries it, for instance for the cursor's position. */
  onReply: (answer: string) => void = () => {}

  constructor({ columns, rows }: { readonly columns: number; readonly rows: number }) {
    ;[this.#terminal, this.#core] = this.#make(columns, rows)
  }

  #make(columns: number, rows: number): [Terminal, Core] {
    return openTerminal({ columns, rows, scrollback }, (answer) => this.onReply(answer))
  }

  /**
   * Draws at once: when this returns, the bytes are on the screen. xterm's own `write` would draw from a timer, which
   * fake timers stop, and would queue without limit what it has not drawn yet.
   */
  draw(bytes: Uint8Array): void {
    try {
      this.#core.writeSync(bytes)
    } catch {
      this.#rebuild(this.columns, this.rows, bytes)
    }
  }

  resize(columns: number, rows: number): void {
    try {
      this.#terminal.resize(columns, rows)
    } catch {
      this.#rebuild(columns, rows)
    }
  }

  /**
   * Replaces the terminal. xterm throws if a screen that was made smaller and larger again lacks a row, and draws
   * nothing more after that. The new terminal begins with the text of the old one, without its colours, and draws what
   * the old one could not.
   */
  #rebuild(columns: number, rows: number, undrawn?: Uint8Array): void {
    const { modes, cursor } = this
    const lines = this.#lines(true).slice(0, rows)
    const isAlternate = this.#buffer.type === 'alternate'
    const isCursorHidden = this.#core.coreService.isCursorHidden
    ;[this.#terminal, this.#core] = this.#make(columns, rows)
    const replay = [
      isAlternate ? '\x1b[?1049h' : '',
      modes.applicationCursorKeys ? '\x1b[?1h' : '',
      modes.bracketedPaste ? '\x1b[?2004h' : '',
      isCursorHidden ? '\x1b[?25l' : '',
      ...lines.map((line, row) => `\x1b[${row + 1};1H${line.slice(0, columns)}`),
      `\x1b[${cursor.row + 1};${cursor.column + 1}H`,
    ]
    this.#core.writeSync(Buffer.from(replay.join('')))
    if (undrawn === undefined) return
    try {
      this.#core.writeSync(undrawn)
    } catch {
      this.#rebuild(columns, rows)
    }
  }

  get modes(): KeyModes {
    const { applicationCursorKeysMode, bracketedPasteMode } = this.#terminal.modes
    return { applicationCursorKeys: applicationCursorKeysMode, bracketedPaste: bracketedPasteMode }
  }

  get columns(): number {
    return this.#terminal.cols
  }

  get rows(): number {
    return this.#terminal.rows
  }

  get text(): string {
    return this.#lines(false).join('\n')
  }

  get stripped(): string {
    return this.#lines(true).join('\n').trimEnd()
  }

  get cursor(): { row: number; column: number } {
    const { cursorX, cursorY } = this.#buffer
    // After the last column, the cursor waits for the next character, which starts a new line.
    return { row: cursorY, column: Math.min(cursorX, this.columns - 1) }
  }

  toSVG(): string {
    const cells: Cell[][] = []
    for (let row = 0; row < this.rows; row += 1) cells.push([...this.#cells(row)])
    return drawSVG(cells, this.columns, this.#core.coreService.isCursorHidden ? undefined : this.cursor)
  }

  get #buffer(): IBuffer {
    return this.#terminal.buffer.active
  }

  #lines(isCut: boolean): string[] {
    const { baseY } = this.#buffer
    return Array.from({ length: this.rows }, (_, row) => {
      const line = this.#buffer.getLine(baseY + row)?.translateToString(false) ?? ' '.repeat(this.columns)
      return isCut ? line.trimEnd() : line
    })
  }

  *#cells(row: number): Generator<Cell> {
    const line = this.#buffer.getLine(this.#buffer.baseY + row)
    let cell: IBufferCell | undefined
    for (let column = 0; column < this.columns; column += 1) {
      cell = line?.getCell(column, cell)
      // It is the second half of a wide character.
      if (cell === undefined || cell.getWidth() === 0) continue
      yield {
        column,
        width: cell.getWidth(),
        text: cell.getChars(),
        foreground: colour(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()),
        background: colour(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()),
        isBold: cell.isBold() !== 0,
        isDim: cell.isDim() !== 0,
        isItalic: cell.isItalic() !== 0,
        isUnderlined: cell.isUnderline() !== 0,
        isStruck: cell.isStrikethrough() !== 0,
        isInverse: cell.isInverse() !== 0,
        isInvisible: cell.isInvisible() !== 0,
      }
    }
  }
}

function colour(isDefault: boolean, isRGB: boolean, value: number): Cell['foreground'] {
  if (isDefault) return undefined
  return isRGB ? `#${value.toString(16).padStart(6, '0')}` : value
}
