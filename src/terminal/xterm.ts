import type { IBuffer, IBufferCell, Terminal } from '@xterm/headless'
import { loadTerminalPackage } from './packages.js'
import { type WidthTable, withEmoji } from './widths.js'

// The sole user of @xterm/headless, which is loaded with the first terminal, and what is mended of it here. Tried on 5.5
// and 6.0.

export type { IBuffer, IBufferCell, Terminal }

interface Xterm {
  readonly Terminal: typeof Terminal
}

/** What xterm has behind its public face. */
export interface Core {
  writeSync(data: Uint8Array): void
  readonly coreService: { readonly isCursorHidden: boolean }
  /** Unlike the public method, this one hands over the parameters themselves, not a copy. */
  registerCsiHandler(
    id: { readonly intermediates?: string; readonly final: string },
    callback: (sequence: { readonly params: Int32Array }) => boolean,
  ): void
  readonly unicodeService: { readonly _activeProvider: WidthTable }
}

interface Size {
  readonly columns: number
  readonly rows: number
  readonly scrollback: number
}

/** A terminal with nothing on it. `onReply` gets what it answers when a program asks it something. */
export function openTerminal(size: Size, onReply: (answer: string) => void): [Terminal, Core] {
  const { columns, ...rest } = size
  const xterm = loadTerminalPackage<Xterm>('@xterm/headless')
  const terminal = new xterm.Terminal({ ...rest, cols: columns, allowProposedApi: true, logLevel: 'off' })
  const core = (terminal as unknown as { _core: Core })._core
  terminal.onData(onReply)
  // Links are not drawn, and xterm keeps each for as long as its row is there, however often that is written over.
  terminal.parser.registerOscHandler(8, () => true)
  boundRepetitions(terminal, core)
  eraseWithoutNextRow(terminal, core)
  const widths = withEmoji(core.unicodeService._activeProvider)
  terminal.unicode.register(widths)
  terminal.unicode.activeVersion = widths.version
  return [terminal, core]
}

/**
 * xterm does one step after the other as often as a sequence says, two thousand million times at most, and once it has
 * thrown it draws no more. More steps than the screen has rows, or columns, come to the same.
 */
function boundRepetitions(terminal: Terminal, core: Core): void {
  const bound = (final: string, most: () => number, intermediates?: string): void =>
    core.registerCsiHandler(intermediates === undefined ? { final } : { intermediates, final }, ({ params }) => {
      params[0] = Math.min(params[0] ?? 0, most())
      return false // xterm's own handler comes next.
    })
  for (const final of 'STLM') bound(final, () => terminal.rows)
  for (const final of '@PXIZ') bound(final, () => terminal.cols)
  for (const final of '@A') bound(final, () => terminal.cols, ' ')
  for (const final of '}~') bound(final, () => terminal.cols, "'")
  bound('b', () => terminal.rows * terminal.cols)
}

/** xterm clears a mark of the row below when the cursor is in the last column, in the last row too, which has none. */
function eraseWithoutNextRow(terminal: Terminal, core: Core): void {
  core.registerCsiHandler({ final: 'J' }, ({ params }) => {
    const { cursorX, cursorY } = terminal.buffer.active
    // Everything up to the last cell is everything.
    if (params[0] === 1 && cursorY === terminal.rows - 1 && cursorX >= terminal.cols - 1) params[0] = 2
    return false
  })
}
