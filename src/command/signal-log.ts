import { now } from '../base/clock.js'

/** Who sent a signal to a command. */
export type Sender = 'test' | 'timeout' | 'teardown'

/** The targets of a signal: the leader alone, its group, or the whole tree. */
export type SignalTarget = 'leader' | 'group' | 'tree'

/** A signal that a command was sent. */
export interface SentSignal {
  readonly signal: NodeJS.Signals
  /** ms since the command's start. */
  readonly time: number
  readonly by: Sender
}

/** The signals that one command was sent, in order. */
export class SignalLog {
  readonly #begin = now()
  readonly #sent: SentSignal[] = []
  readonly #tell: (sent: SentSignal, to: SignalTarget) => void

  /** `tell` is called for each signal, before it is sent. */
  constructor(tell: (sent: SentSignal, to: SignalTarget) => void = () => {}) {
    this.#tell = tell
  }

  add(signal: NodeJS.Signals, by: Sender, to: SignalTarget): void {
    const sent = { signal, time: now() - this.#begin, by }
    this.#sent.push(sent)
    this.#tell(sent, to)
  }

  /**
   * Records a signal to what the command left behind. The command itself has exited, so the signal is not in its list.
   */
  addToRest(signal: NodeJS.Signals, by: Sender, to: SignalTarget): void {
    this.#tell({ signal, time: now() - this.#begin, by }, to)
  }

  get sent(): readonly SentSignal[] {
    return this.#sent
  }

  get names(): readonly NodeJS.Signals[] {
    return this.#sent.map(({ signal }) => signal)
  }
}
