import { outputWaitRules } from './rules.js'
import { checkOptions } from '../base/check.js'
import { isRegExp } from '../base/kinds.js'
import { show } from '../base/words.js'
import { isInOutput, lookFor, type OutputPattern } from '../wait/pattern.js'
import type { Attempt } from '../wait/waits.js'
import { type CommandWaits, rejecting } from './command-waits.js'
import { nearestHint } from './hints.js'
import type { ExitRecord } from './exit-record.js'
import type { Output } from './output.js'
import type { OutputWaitOptions } from './process.js'

/** ms between two looks when a predicate of the test may depend on more than the output. */
const predicateInterval = 50

/** A pattern as it appears in the name of a call, shortened. */
export const showPattern = (pattern: string | RegExp | ((subject: never) => unknown)): string =>
  typeof pattern === 'function' ? '…' : typeof pattern === 'string' ? show(pattern) : String(pattern)

/** What a wait for output looks for. */
export interface OutputLook<Value> {
  readonly look: Attempt<Value>
  /** ms */
  readonly timeout: number | undefined
  /** Whether a function of the test decides. It may depend on more than the output. */
  readonly isPredicate: boolean
  /** The name of the wait in a trace. */
  readonly what: string
  /** Lines about what came near, for a wait that failed. */
  readonly nearest: () => readonly string[]
}

/** The waits for what one command writes, or draws on its terminal. */
export class OutputWaits {
  readonly #log: Output
  readonly #record: ExitRecord
  readonly #waits: CommandWaits

  constructor(log: Output, record: ExitRecord, waits: CommandWaits) {
    this.#log = log
    this.#record = record
    this.#waits = waits
  }

  forOutput(
    pattern: OutputPattern,
    options: OutputWaitOptions,
    isTerminal: boolean,
  ): Promise<RegExpExecArray | string> {
    return rejecting(() => {
      checkOptions('waitForOutput', options, outputWaitRules)
      if (typeof pattern !== 'string' && typeof pattern !== 'function' && !isRegExp(pattern)) {
        throw new TypeError(
          `waitForOutput: the pattern is a string, a regular expression or a function of the output, not ${show(pattern)}.`,
        )
      }
      const text = (): string => this.#log.text(options.stream ?? 'output', options.since)
      return this.until({
        look: lookFor(pattern, text, isTerminal),
        timeout: options.timeout,
        isPredicate: typeof pattern === 'function',
        what: `waitForOutput(${showPattern(pattern)})`,
        nearest: () => this.#nearest(pattern, text(), options),
      })
    })
  }

  /** Says where else the text is that a wait did not find, or what came near to it. */
  #nearest(pattern: OutputPattern, text: string, { stream = 'output', since }: OutputWaitOptions): string[] {
    if (typeof pattern === 'function') return []
    if (since !== undefined && isInOutput(pattern, this.#log.text(stream))) {
      return ['it stands in the output before the mark of `since`, and not after it']
    }
    const other = stream === 'stdout' ? 'stderr' : 'stdout'
    if (stream !== 'output' && isInOutput(pattern, this.#log.text(other, since))) {
      return [`it was written to ${other}, and the wait looks at ${stream}`]
    }
    const nearest = nearestHint(pattern, text)
    return nearest === undefined ? [] : [nearest]
  }

  /** Waits until a look finds something. Fails once the program has exited and will write nothing more. */
  until<Value>({ look, timeout, isPredicate, what, nearest }: OutputLook<Value>): Promise<Value> {
    // Captured now: an exit reported to another wait afterwards still counts as unseen here.
    const isKnownToHaveExited = this.#record.knowledge === 'exited, seen'
    const attempt: Attempt<Value> = () => {
      if (isKnownToHaveExited && this.#record.isTimedOut) throw this.#record.seenTimeoutError()
      if (isKnownToHaveExited) this.#record.throwOnceExited()
      const wasSettled = this.#record.isSettled
      const found = look()
      if (!(found instanceof Promise)) return this.#record.judge(found, wasSettled)
      return found.then((value) => this.#record.judge(value, wasSettled))
    }
    const interval = isPredicate ? predicateInterval : undefined
    return this.#waits.add(attempt, timeout, { interval, what, explain: () => ({ help: nearest() }) })
  }
}
