import { clipStart } from '../base/words.js'
import { StringDecoder } from 'node:string_decoder'
import { now } from '../base/clock.js'

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

/** A line of output, with the stream and the milliseconds after the start at which it was read. */
export interface OutputLine {
  readonly stream: OutputStream
  readonly time: number
  readonly text: string
}

/** Small pieces are copied side by side into slabs: a pipe's read is a buffer of its own, however little it holds. */
const slabSize = 16 * 1024
/** Bytes at the end that `lastLines` looks at, at most. */
const mostTail = 64 * 1024
/** Characters of a line that `lastLines` gives, at most: its end. */
const mostLine = 2000

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

const nothing = Buffer.alloc(0)

/** What is kept of one stream. */
class Kept {
  chunks: Chunk[] = []
  /** What stands before this index is dropped. */
  first = 0
  size = 0
  dropped = 0
  /** The last position of which something was dropped. */
  droppedAt = 0
  slab: Buffer = nothing
  used = 0

  /** A copy of a small piece, at the slab's end. */
  copy(bytes: Buffer): Buffer {
    if (bytes.length > this.slab.length - this.used) {
      this.slab = Buffer.allocUnsafeSlow(slabSize)
      this.used = 0
    }
    const copy = this.slab.subarray(this.used, this.used + bytes.length)
    bytes.copy(copy)
    this.used += bytes.length
    return copy
  }

  /** Makes a piece that ends where the slab is used up to longer. Whether there was room. */
  extend(chunk: Chunk, bytes: Buffer): boolean {
    const isLast = chunk.bytes.buffer === this.slab.buffer && chunk.bytes.byteOffset + chunk.bytes.length === this.used
    if (!isLast || bytes.length > this.slab.length - this.used) return false
    this.copy(bytes)
    chunk.bytes = this.slab.subarray(chunk.bytes.byteOffset, this.used)
    return true
  }

  /** Drops the oldest until what is left fits, and does not begin in the middle of a character. */
  dropTo(most: number): void {
    while (this.size > most) this.#cut(this.size - most)
    for (let more = 0; more < 3 && isContinuation(this.chunks[this.first]?.bytes[0]); more += 1) this.#cut(1)
    if (this.first > 1000 && this.first > this.chunks.length / 2) {
      this.chunks = this.chunks.slice(this.first)
      this.first = 0
    }
  }

  #cut(excess: number): void {
    const chunk = this.chunks[this.first]!
    const cut = Math.min(excess, chunk.bytes.length)
    chunk.bytes = chunk.bytes.subarray(cut)
    this.size -= cut
    this.dropped += cut
    this.droppedAt = chunk.position
    if (chunk.bytes.length > 0) return
    // A view of no bytes would hold on to its whole buffer.
    chunk.bytes = nothing
    this.first += 1
  }

  /** The index of the first piece after a position. */
  indexAfter(position: number): number {
    let [low, high] = [this.first, this.chunks.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.chunks[middle]!.position > position) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The up to three bytes before a piece: a character that ends in it may have its first bytes there. */
  bytesBefore(index: number): Buffer {
    const parts: Buffer[] = []
    for (let [at, missing] = [index - 1, 3]; at >= this.first && missing > 0; at -= 1) {
      const part = this.chunks[at]!.bytes.subarray(-missing)
      parts.unshift(part)
      missing -= part.length
    }
    return Buffer.concat(parts)
  }
}

/** What a command wrote: bytes of both streams in the order in which they were read, decoded when asked for. */
export class Output {
  readonly #most: number
  readonly #begin = now()
  readonly #kept: Readonly<Record<OutputStream, Kept>> = { stdout: new Kept(), stderr: new Kept() }
  #position = 0
  /** The piece that was read last, while it may grow. */
  #last: Chunk | undefined
  readonly #texts = new Map<string, { version: number; text: string }>()

  /** `most`: bytes of each stream that are kept. */
  constructor(most: number) {
    this.#most = most
  }

  append(stream: OutputStream, bytes: Buffer): void {
    if (bytes.length === 0) return
    this.#position += 1
    const kept = this.#kept[stream]
    const isSmall = bytes.length < slabSize / 4
    const time = now() - this.#begin
    const last = this.#last
    const isNext = isSmall && last !== undefined && last.stream === stream && time - last.time < 1
    if (!isNext || !kept.extend(last, bytes)) {
      this.#last = { stream, position: this.#position, time, bytes: isSmall ? kept.copy(bytes) : bytes }
      kept.chunks.push(this.#last)
    }
    kept.size += bytes.length
    if (kept.size <= this.#most) return
    kept.dropTo(this.#most)
    // A piece that was dropped whole is not in the list any more, and cannot grow.
    if (this.#last?.bytes.length === 0) this.#last = undefined
  }

  mark(): OutputMark {
    // A piece that grows is a place one cannot point into: the next one starts anew.
    this.#last = undefined
    return { position: this.#position }
  }

  /** Everything that is kept, or what came after `since`. White space is as it came. */
  text(stream: OutputStream | 'output' = 'output', since?: OutputMark): string {
    const key = `${stream} ${since?.position ?? 0}`
    const cached = this.#texts.get(key)
    if (cached?.version === this.#position) return cached.text
    const text = this.#decode(stream === 'output' ? ['stdout', 'stderr'] : [stream], since?.position ?? 0)
    // A wait asks for one or two of these again and again.
    if (this.#texts.size > 4) this.#texts.clear()
    this.#texts.set(key, { version: this.#position, text })
    return text
  }

  #decode(streams: readonly OutputStream[], since: number): string {
    const parts: string[] = []
    const decoders = new Map<OutputStream, StringDecoder>()
    for (const stream of streams) {
      const kept = this.#kept[stream]
      if (kept.droppedAt > since) parts.push(`[… ${kept.dropped} bytes of ${stream} are not kept …]\n`)
    }
    for (const { stream, bytes } of this.#merge(streams, since)) {
      let decoder = decoders.get(stream)
      if (decoder === undefined) {
        decoder = new StringDecoder('utf8')
        const kept = this.#kept[stream]
        decoder.write(kept.bytesBefore(kept.indexAfter(since)))
        decoders.set(stream, decoder)
      }
      parts.push(decoder.write(bytes))
    }
    for (const decoder of decoders.values()) parts.push(decoder.end())
    return parts.join('')
  }

  /** The pieces of these streams after a position, in the order in which they were read. */
  *#merge(streams: readonly OutputStream[], since: number): Generator<Chunk> {
    const cursors = streams.map((stream) => {
      const { chunks } = this.#kept[stream]
      return { chunks, index: this.#kept[stream].indexAfter(since) }
    })
    for (;;) {
      let next: (typeof cursors)[number] | undefined
      for (const cursor of cursors) {
        const chunk = cursor.chunks[cursor.index]
        if (chunk !== undefined && (next === undefined || chunk.position < next.chunks[next.index]!.position))
          next = cursor
      }
      if (next === undefined) return
      yield next.chunks[next.index]!
      next.index += 1
    }
  }

  /** A position after which the last `count` lines stand, and whether what stands there begins in the middle of one. */
  #findTail(count: number): { since: number; isCut: boolean } {
    const { stdout, stderr } = this.#kept
    let [out, err, breaks, bytes] = [stdout.chunks.length - 1, stderr.chunks.length - 1, 0, 0]
    for (;;) {
      const first = out >= stdout.first ? stdout.chunks[out] : undefined
      const second = err >= stderr.first ? stderr.chunks[err] : undefined
      const isOut = second === undefined || (first !== undefined && first.position > second.position)
      const chunk = isOut ? first : second
      if (chunk === undefined) return { since: 0, isCut: false }
      if (isOut) out -= 1
      else err -= 1
      for (let at = chunk.bytes.indexOf(10); at >= 0; at = chunk.bytes.indexOf(10, at + 1)) breaks += 1
      bytes += chunk.bytes.length
      if (breaks > count || bytes > mostTail) return { since: chunk.position - 1, isCut: breaks <= count }
    }
  }

  /** The last `count` lines; of a very long one its end. */
  lastLines(count: number): OutputLine[] {
    const { since, isCut } = this.#findTail(count)
    const lines: { stream: OutputStream; time: number; text: string }[] = []
    const open = new Map<OutputStream, (typeof lines)[number]>()
    const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') }
    for (const { stream, time, bytes } of this.#merge(['stdout', 'stderr'], since)) {
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
    }
    const first = lines[0]
    if (isCut && first !== undefined) first.text = `…${first.text}`
    return lines.slice(-count).map((line) => ({ ...line, text: clipStart(line.text, mostLine) }))
  }
}
