import type { IBuffer, IBufferCell, Terminal } from '@xterm/headless'
import { loadTerminalPackage } from './packages.js'
import { type WidthTable, withEmoji } from './widths.js'

// The only user of @xterm/headless, which is loaded for the first terminal, and workarounds for its faults. Tried on
// 5.5 and 6.0.

export type { IBuffer, IBufferCell, Terminal }

interface Xterm {
  readonly Terminal: typeof Terminal
}

/** The used part of xterm's internals. */
export interface Core {
  writeSync(data: Uint8Array): void
  readonly coreService: { readonly isCursorHidden: boolean }
  /** Unlike the public method, this one passes the parameters themselves, not a copy. */
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

/** An empty terminal. `onReply` gets its replies to the program's queries. */
export function openTerminal(size: Size, onReply: (answer: string) => void): [Terminal, Core] {
  const { columns, ...rest } = size
  const xterm = loadTerminalPackage<Xterm>('@xterm/headless')
  const terminal = new xterm.Terminal({ ...rest, cols: columns, allowProposedApi: true, logLevel: 'off' })
  const core = (terminal as unknown as { _core: Core })._core
  terminal.onData(onReply)
  // Links are not drawn. xterm would keep each link as long as its row exists, even if the row is overwritten.
  terminal.parser.registerOscHandler(8, () => true)
  boundRepetitions(terminal, core)
  eraseWithoutNextRow(terminal, core)
  const widths = withEmoji(core.unicodeService._activeProvider)
  terminal.unicode.register(widths)
  terminal.unicode.activeVersion = widths.version
  return [terminal, core]
}

/**
 * Limits repetitions. xterm repeats a step as often as a sequence says, up to two thousand million times, and it draws
 * nothing more once it has thrown. More repetitions than rows or columns have no further effect.
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

/**
 * Works around a fault: when the cursor is in the last column, xterm clears a mark of the next row, even if there is no
 * next row.
 */
function eraseWithoutNextRow(terminal: Terminal, core: Core): void {
  core.registerCsiHandler({ final: 'J' }, ({ params }) => {
    const { cursorX, cursorY } = terminal.buffer.active
    // Erasing up to the last cell of the screen is erasing everything.
    if (params[0] === 1 && cursorY === terminal.rows - 1 && cursorX >= terminal.cols - 1) params[0] = 2
    return false
  })
}
