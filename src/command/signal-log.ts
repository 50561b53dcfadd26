import { now } from '../base/clock.js'

/** Who sent a signal to a command. */
export type Sender = 'test' | 'timeout' | 'teardown'

/** Whom a signal is sent to: the leader alone, its group, or everybody. */
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

  /** `tell` is called for each, before it is sent. */
  constructor(tell: (sent: SentSignal, to: SignalTarget) => void = () => {}) {
    this.#tell = tell
  }

  add(signal: NodeJS.Signals, by: Sender, to: SignalTarget): void {
    const sent = { signal, time: now() - this.#begin, by }
    this.#sent.push(sent)
    this.#tell(sent, to)
  }

  /** A signal for what the command left when it had exited: it is not the command's own. */
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
