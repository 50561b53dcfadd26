import { ProctorError } from '../base/errors.js'
import { isBytes } from '../base/kinds.js'
import { type CommandWaits, rejecting } from './command-waits.js'
import type { ExitRecord } from './exit-record.js'
import type { CommandListener } from './listener.js'
import type { Transport } from './transport.js'

/** The command that the input belongs to. */
export interface InputHost {
  readonly command: string
  readonly record: ExitRecord
  readonly waits: CommandWaits
  readonly listener: CommandListener | undefined
  throwUnlessRunning(): void
  /** Resolves once the exit and the output up to it are known, if they are about to be. */
  drained(): Promise<void>
}

type Feed = (transport: Transport, done: (error?: Error | null) => void) => void

const mostShown = 60

function showWrite(text: string | Uint8Array): string {
  if (typeof text !== 'string') return 'write(bytes)'
  return `write(${JSON.stringify(text.length <= mostShown ? text : `${text.slice(0, mostShown)}…`)})`
}

/** The standard input of one command. */
export class Input {
  readonly #host: InputHost
  readonly #transport: Transport | undefined
  #isEnded = false
  #isWritten = false

  constructor(host: InputHost, transport: Transport | undefined) {
    this.#host = host
    this.#transport = transport
  }

  /** A program that reads its standard input to the end waits until it is closed. */
  get state(): 'untouched' | 'open' | 'closed' {
    if (this.#transport === undefined || this.#isEnded) return 'closed'
    return this.#isWritten ? 'open' : 'untouched'
  }

  /** Writes the option `input` at the start, and closes the input. */
  writeAtStart(input: string | Uint8Array): void {
    this.#isWritten = true
    this.#host.listener?.input(input)
    this.#isEnded = this.#transport?.inputStaysOpen !== true
    this.#transport?.endInput(input)
  }

  // Not async: it must return the wait's own promise, which teardown marks as handled.
  /** `what` is the name of the call in a trace. */
  write(text: string | Uint8Array, what = showWrite(text)): Promise<void> {
    return rejecting(() => {
      if (typeof text !== 'string' && !isBytes(text)) {
        throw new TypeError(`write: text is a string or bytes, not ${text === null ? 'null' : typeof text}.`)
      }
      return this.#feed('write', what, (transport, done) => {
        this.#host.listener?.input(text)
        transport.write(text, done)
      })
    })
  }

  end(): Promise<void> {
    return rejecting(() => {
      this.#host.throwUnlessRunning()
      if (this.#isEnded) return Promise.resolve()
      return this.#feed('endInput', 'endInput()', (transport, done) => {
        this.#isEnded = !transport.inputStaysOpen
        transport.endInput(undefined, done)
      })
    })
  }

  #feed(verb: string, what: string, feed: Feed): Promise<void> {
    const { command, record, waits } = this.#host
    this.#host.throwUnlessRunning()
    if (this.#transport === undefined || this.#isEnded) {
      throw new ProctorError(
        `Cannot ${verb} to ${command}: its standard input was closed, by endInput() or the option input.`,
      )
    }
    this.#isWritten = true
    let outcome: { readonly error: Error | undefined } | undefined
    feed(this.#transport, (error) => {
      outcome = { error: error ?? undefined }
      waits.changed()
    })
    return waits.add(
      async () => {
        if (outcome === undefined && !record.isSettled) return undefined
        if (outcome !== undefined && outcome.error === undefined) return { value: undefined }
        // EPIPE may arrive before the news of the exit. After the drain we know whether the program exited.
        if (outcome !== undefined) await this.#host.drained()
        if (record.isSettled) throw record.endOfWait()
        const { code, message } = outcome!.error as NodeJS.ErrnoException
        throw new ProctorError(`Cannot ${verb} to ${command}: it has closed its standard input (${code ?? message}).`, {
          cause: outcome!.error,
        })
      },
      undefined,
      { what, kind: 'input' },
    )
  }
}
