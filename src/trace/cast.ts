import { existsSync, rmSync } from 'node:fs'
import { replaceFile } from '../workspace/replace-file.js'
import { StringDecoder } from 'node:string_decoder'
import { now, wallClock } from '../base/clock.js'
import type { Mask } from './secrets.js'

// The session of a terminal in asciinema's format: a header, then one event on each line, with its time in seconds
// since the start. https://docs.asciinema.org/manual/asciicast/v2/

interface Size {
  readonly columns: number
  readonly rows: number
}

/** The most characters of one session. */
const mostText = 8 * 1024 * 1024

/** Records one terminal. */
export class Cast {
  readonly #mask: Mask
  readonly #size: () => Size
  readonly #begin = now()
  readonly #decoder = new StringDecoder('utf8')
  readonly #command: string
  readonly #at = wallClock()
  readonly #events: [seconds: number, code: 'o' | 'i' | 'r', text: string][] = []
  #length = 0
  readonly #first: Size
  #last: Size

  constructor(command: string, size: () => Size, mask: Mask) {
    this.#mask = mask
    this.#size = size
    this.#command = command
    this.#first = this.#last = size()
  }

  output(bytes: Buffer): void {
    this.#noteSize()
    this.#add('o', this.#decoder.write(bytes))
  }

  input(text: string): void {
    this.#add('i', text)
  }

  #noteSize(): void {
    const { columns, rows } = this.#size()
    if (columns === this.#last.columns && rows === this.#last.rows) return
    this.#last = { columns, rows }
    this.#add('r', `${columns}x${rows}`)
  }

  #add(code: 'o' | 'i' | 'r', text: string): void {
    this.#length += text.length
    if (text === '' || this.#length > mostText) return
    const seconds = Math.round((now() - this.#begin) * 1000) / 1e6
    this.#events.push([seconds, code, text])
  }

  /** Secrets are hidden here: by now all of them are known. */
  toString(): string {
    const { columns: width, rows: height } = this.#first
    const timestamp = Math.floor(this.#at / 1000)
    const command = this.#mask.hideInCommand(this.#command)
    const header = { version: 2, width, height, timestamp, command, env: { TERM: 'xterm-256color' } }
    const events = this.#events.map(([seconds, code, text]) => [seconds, code, this.#mask.hide(text)])
    return [header, ...events].map((line) => `${JSON.stringify(line)}\n`).join('')
  }
}

/** The paths of a trace's sessions. The first has the trace's name, the others also have a number. */
const castPath = (trace: string, number: number): string =>
  trace.replace(/\.html$/, number === 1 ? '.cast' : `-${number}.cast`)

/** Writes the sessions beside their trace, and removes those that an earlier run has left there. */
export function writeCasts(trace: string, casts: readonly Cast[]): void {
  for (const [index, cast] of casts.entries()) replaceFile(castPath(trace, index + 1), cast.toString())
  for (let old = casts.length + 1; existsSync(castPath(trace, old)); old += 1) rmSync(castPath(trace, old))
}
