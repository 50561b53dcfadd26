import { checkSize } from './start.js'
import type { CommandState, SpawnError } from '../base/errors.js'
import { now, sleep } from '../base/clock.js'
import type { Tree } from '../containment/tree.js'
import { CommandProcess } from '../command/command-process.js'
import { rejecting } from '../command/command-waits.js'
import type { CommandSettings } from '../command/settings.js'
import { showPattern } from '../command/output-waits.js'
import { nearestHint } from '../command/hints.js'
import { isInOutput } from '../wait/pattern.js'
import { encodeKey, type Key } from './keys.js'
import { isRegExp } from '../base/kinds.js'
import { checkOptions } from '../base/check.js'
import { show } from '../base/words.js'
import type { OutputStream } from '../command/output.js'
import type { Screen } from '../command/process.js'
import { type WaitOptions, waitRules } from '../wait/options.js'
import type { TerminalProcess } from './types.js'
import { type EmulatedScreen, isOnScreen, screenHandles, type ScreenPattern } from './screen.js'
import type { Transport } from '../command/transport.js'

/**
 * ms between Escape and the next key. If they came sooner, the program would read Alt and that key. A person is slower,
 * too.
 */
const escapeTime = 100
/** The most replies of the terminal that the program has not read yet. */
const mostAnswers = 1000
/** The characters that the terminal turns into signals. */
const interrupts = ['\x03', '\x1c']

/** A command in a pseudo-terminal. */
export class CommandTerminal extends CommandProcess implements TerminalProcess {
  readonly #screen: EmulatedScreen
  readonly #terminal: Transport | undefined
  /** When the test sent its last key or text (on our clock), and the screen at that time. */
  lastInput: { readonly at: number; readonly screen: string } | undefined

  constructor(
    settings: CommandSettings,
    started: { transport: Transport; tree: Tree } | Promise<SpawnError>,
    screen: EmulatedScreen,
  ) {
    super(settings, started)
    this.#screen = screen
    if (started instanceof Promise) return
    this.#terminal = started.transport
    let unread = 0
    screen.onReply = (answer) => {
      // A program that queries the terminal without reading the replies stops getting them; they would pile up here.
      if (!this.running || unread >= mostAnswers) return
      unread += 1
      started.transport.write(answer, () => {
        unread -= 1
      })
    }
  }

  override get screen(): Screen {
    return screenHandles.of(this.#screen)
  }

  override lastScreen(): string {
    return this.#screen.stripped
  }

  override state(): CommandState {
    // Not `...super.state()`: that would decode everything ever written, only to drop it.
    const { command, exitCode, exitSignal, isPastTest = false } = super.state()
    return { command, exitCode, exitSignal, isPastTest, output: this.#screen.stripped }
  }

  protected override received(stream: OutputStream, bytes: Buffer): void {
    this.#screen.draw(bytes)
    super.received(stream, bytes)
  }

  waitForScreen(pattern: ScreenPattern, options: WaitOptions = {}): Promise<void> {
    return rejecting(() => {
      checkOptions('waitForScreen', options, waitRules)
      if (typeof pattern !== 'string' && typeof pattern !== 'function' && !isRegExp(pattern)) {
        throw new TypeError(
          `waitForScreen: the pattern is a string, a regular expression or a function of the screen, not ${show(pattern)}.`,
        )
      }
      const look = (): { value: undefined } | undefined =>
        isOnScreen(pattern, this.screen) ? { value: undefined } : undefined
      const what = `waitForScreen(${showPattern(pattern)})`
      return this.outputWaits.until({
        look,
        timeout: options.timeout,
        isPredicate: typeof pattern === 'function',
        what,
        nearest: () => this.#nearest(pattern),
      })
    })
  }

  /**
   * Says what on the screen is near to a pattern that was not found, or that the pattern was written but is gone from
   * the screen.
   */
  #nearest(pattern: ScreenPattern): string[] {
    if (typeof pattern === 'function') return []
    const nearest = nearestHint(pattern, this.lastScreen())
    if (nearest !== undefined) return [nearest]
    return isInOutput(pattern, this.log.text(), true) ? ['it was written, and is not on the screen any more'] : []
  }

  override write(text: string | Uint8Array): Promise<void> {
    this.#noteInput()
    return super.write(text)
  }

  #noteInput(): void {
    this.lastInput = { at: now(), screen: this.#screen.stripped }
  }

  press(...keys: Key[]): Promise<void> {
    return rejecting(() => {
      const sent = keys.map((key) => encodeKey('press', key, this.#screen.modes))
      const bursts: string[] = ['']
      for (const [index, text] of sent.entries()) {
        bursts[bursts.length - 1] += text
        if (text === '\x1b' && index < sent.length - 1) bursts.push('')
      }
      const what = `press(${keys.map((key) => show(key)).join(', ')})`
      if (bursts.length === 1) return this.#type(bursts[0]!, what)
      return this.#typeSlowly(bursts, what)
    })
  }

  #type(text: string, what: string): Promise<void> {
    this.#noteInput()
    const written = this.input.write(text, what)
    if (interrupts.some((interrupt) => text.includes(interrupt))) this.record.noteSignalled()
    return written
  }

  async #typeSlowly(bursts: readonly string[], what: string): Promise<void> {
    for (const [index, text] of bursts.entries()) {
      if (index > 0) await sleep(escapeTime)
      await this.#type(text, what)
    }
  }

  resize(columns: number, rows: number): void {
    checkSize('resize', { columns: columns ?? null, rows: rows ?? null })
    this.throwUnlessRunning()
    this.#noteInput()
    this.#screen.resize(columns, rows)
    // If the terminal is closed, the program is about to exit.
    if (!this.hasExited && !this.isOutputClosed) this.#terminal?.resize?.(columns, rows)
  }
}
