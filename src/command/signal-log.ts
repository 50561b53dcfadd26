import { now } from '../system/poll.js'

/** Who sent a signal to a command. */
export type Sender = 'test' | 'timeout' | 'teardown'

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

  add(signal: NodeJS.Signals, by: Sender): void {
    this.#sent.push({ signal, time: Math.round(now() - this.#begin), by })
  }

  get sent(): readonly SentSignal[] {
    return this.#sent
  }

  get names(): readonly NodeJS.Signals[] {
    return this.#sent.map(({ signal }) => signal)
  }
}
