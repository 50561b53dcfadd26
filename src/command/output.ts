import { StringDecoder } from 'node:string_decoder'
import { now } from '../system/poll.js'

export type OutputStream = 'stdout' | 'stderr'

/** A place in the output, from `process.mark()`: waits with `since` look only at what came after it. */
export interface OutputMark {
  /** How many pieces had been read. */
  readonly position: number
}

interface Chunk {
  readonly stream: OutputStream
  /** Counts on over everything ever read. */
  readonly position: number
  /** Milliseconds since the command's start. */
  readonly time: number
  bytes: Buffer
}

interface Tally {
  kept: number
  dropped: number
}

/** What to join small pieces into, so that a program that writes byte by byte does not cost an object a byte. */
const slabSize = 16 * 1024

/** What a command wrote: bytes of both streams in the order in which they were read, decoded when asked for. */
export class Output {
  readonly #most: number
  readonly #begin = now()
  readonly #tallies: Record<OutputStream, Tally> = {
    stdout: { kept: 0, dropped: 0 },
    stderr: { kept: 0, dropped: 0 },
  }
  #chunks: Chunk[] = []
  #first = 0
  #position = 0
  #slabLeft = 0
  readonly #texts = new Map<string, { version: number; text: string }>()

  /** `most`: bytes of each stream that are kept. */
  constructor(most: number) {
    this.#most = most
  }

  append(stream: OutputStream, bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#position += 1
    const last = this.#chunks.at(-1)
    const time = now() - this.#begin
    if (last !== undefined && last.stream === stream && bytes.length <= this.#slabLeft && time - last.time < 1) {
      const joined = Buffer.from(last.bytes.buffer, last.bytes.byteOffset, last.bytes.length + bytes.length)
      bytes.copy(joined, last.bytes.length)
      last.bytes = joined
      this.#slabLeft -= bytes.length
    } else if (bytes.length < slabSize / 4) {
      const slab = Buffer.allocUnsafeSlow(slabSize)
      bytes.copy(slab)
      this.#slabLeft = slabSize - bytes.length
      this.#chunks.push({ stream, position: this.#position, time, bytes: slab.subarray(0, bytes.length) })
    } else {
      this.#slabLeft = 0
      this.#chunks.push({ stream, position: this.#position, time, bytes })
    }
    const tally = this.#tallies[stream]
    tally.kept += bytes.length
    if (tally.kept > this.#most) this.#drop(stream, tally)
  }

  /** Drops the oldest of one stream until what is left fits. */
  #drop(stream: OutputStream, tally: Tally): void {
    let excess = tally.kept - this.#most
    tally.kept -= excess
    tally.dropped += excess
    for (let index = this.#first; excess > 0; index += 1) {
      const chunk = this.#chunks[index]
      if (chunk === undefined) return
      if (chunk.stream !== stream) continue
      const cut = Math.min(excess, chunk.bytes.length)
      chunk.bytes = chunk.bytes.subarray(cut)
      excess -= cut
    }
    while (this.#chunks[this.#first]?.bytes.length === 0) this.#first += 1
    if (this.#first > 1000 && this.#first > this.#chunks.length / 2) {
      this.#chunks = this.#chunks.slice(this.#first)
      this.#first = 0
    }
  }

  mark(): OutputMark {
    // A piece that grows is a place one cannot point into: the next one starts anew.
    this.#slabLeft = 0
    return { position: this.#position }
  }

  /** Everything that is kept, or what came after `since`. White space is as it came. */
  text(stream: OutputStream | 'output' = 'output', since?: OutputMark): string {
    const key = `${stream} ${since?.position ?? 0}`
    const cached = this.#texts.get(key)
    if (cached?.version === this.#position) return cached.text
    const text = this.#decode(stream, since?.position ?? 0)
    // Whoever waits asks for one or two of these again and again.
    if (this.#texts.size > 4) this.#texts.clear()
    this.#texts.set(key, { version: this.#position, text })
    return text
  }

  #decode(stream: OutputStream | 'output', since: number): string {
    const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
    const parts: string[] = since === 0 ? this.#markers(stream) : []
    for (let index = this.#first; index < this.#chunks.length; index += 1) {
      const chunk = this.#chunks[index]!
      if (stream !== 'output' && chunk.stream !== stream) continue
      // What stands before the mark is decoded too: a character may have its first bytes there.
      const text = decoders[chunk.stream].write(chunk.bytes)
      if (chunk.position > since) parts.push(text)
    }
    parts.push(decoders.stdout.end(), decoders.stderr.end())
    return parts.join('')
  }

  #markers(stream: OutputStream | 'output'): string[] {
    const streams: OutputStream[] = stream === 'output' ? ['stdout', 'stderr'] : [stream]
    return streams.flatMap((name) => {
      const { dropped } = this.#tallies[name]
      return dropped === 0 ? [] : [`[… ${dropped} bytes of ${name} are not kept …]\n`]
    })
  }

  /** The last `count` lines, each with the stream and the milliseconds after the start at which it was read. */
  lastLines(count: number): { readonly stream: OutputStream; readonly time: number; readonly text: string }[] {
    const lines: { stream: OutputStream; time: number; text: string }[] = []
    const open = new Map<OutputStream, { stream: OutputStream; time: number; text: string }>()
    const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
    const from = Math.max(this.#first, this.#chunks.length - count * 4)
    for (let index = from; index < this.#chunks.length; index += 1) {
      const { stream, time, bytes } = this.#chunks[index]!
      for (const [number, piece] of decoders[stream].write(bytes).split('\n').entries()) {
        if (number > 0) open.delete(stream)
        if (piece === '') continue
        let line = open.get(stream)
        if (line === undefined) {
          line = { stream, time, text: '' }
          open.set(stream, line)
          lines.push(line)
        }
        line.text += piece
      }
      if (lines.length > count * 2) lines.splice(0, lines.length - count)
    }
    return lines.slice(-count)
  }
}
