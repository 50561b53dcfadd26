import { clipStart } from '../base/words.js'
import { StringDecoder } from 'node:string_decoder'
import { now } from '../base/clock.js'

export type OutputStream = 'stdout' | 'stderr'

/** A place in the output, from `process.mark()`. Waits with `since` look only at what came after it. */
export interface OutputMark {
  /** How many pieces had been read by then. */
  readonly position: number
}

interface Chunk {
  readonly stream: OutputStream
  /** The number of this piece among all that were ever read. */
  readonly position: number
  /** Milliseconds since the command's start. */
  readonly time: number
  bytes: Buffer
}

/** A line of output, its stream, and when it was read, in ms since the start. */
export interface OutputLine {
  readonly stream: OutputStream
  readonly time: number
  readonly text: string
}

/**
 * Small pieces are copied side by side into slabs: each read of a pipe has its own large buffer, however little was
 * read.
 */
const slabSize = 16 * 1024
/** The first slab. Most commands write a line or two. */
const firstSlab = 256
/** How many bytes at the end `lastLines` looks at. */
const mostTail = 64 * 1024
/** How many characters of a line `lastLines` returns: the last ones. */
const mostLine = 2000

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

const nothing = Buffer.alloc(0)

/** The kept part of one stream. */
class Kept {
  chunks: Chunk[] = []
  /** Pieces before this index are dropped. */
  first = 0
  size = 0
  dropped = 0
  /** The last position at which something was dropped. */
  droppedAt = 0
  slab: Buffer = nothing
  used = 0

  /** Copies a small piece to the end of the slab. */
  copy(bytes: Buffer): Buffer {
    if (bytes.length > this.slab.length - this.used) {
      const next = Math.min(slabSize, Math.max(firstSlab, 4 * this.slab.length))
      this.slab = Buffer.allocUnsafeSlow(Math.max(bytes.length, next))
      this.used = 0
    }
    const copy = this.slab.subarray(this.used, this.used + bytes.length)
    bytes.copy(copy)
    this.used += bytes.length
    return copy
  }

  /** Extends a piece that ends where the used part of the slab ends. Returns whether there was room. */
  extend(chunk: Chunk, bytes: Buffer): boolean {
    const isLast = chunk.bytes.buffer === this.slab.buffer && chunk.bytes.byteOffset + chunk.bytes.length === this.used
    if (!isLast || bytes.length > this.slab.length - this.used) return false
    this.copy(bytes)
    chunk.bytes = this.slab.subarray(chunk.bytes.byteOffset, this.used)
    return true
  }

  /** Drops the oldest bytes until the rest fits. The rest does not begin in the middle of a character. */
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
    // Even an empty view would keep its whole buffer alive.
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

  /** The up to three bytes before a piece. A character that ends in the piece may begin in them. */
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

/**
 * Everything a command wrote. Keeps the bytes of both streams in the order of the reads, and decodes them on demand.
 */
export class Output {
  readonly #most: number
  readonly #begin = now()
  readonly #kept: Readonly<Record<OutputStream, Kept>> = { stdout: new Kept(), stderr: new Kept() }
  #position = 0
  /** The last piece that was read, while it may still grow. */
  #last: Chunk | undefined
  readonly #texts = new Map<string, { version: number; text: string }>()

  /** `most` is the number of bytes kept of each stream. */
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
    // A piece that was dropped whole is no longer in the list and cannot grow.
    if (this.#last?.bytes.length === 0) this.#last = undefined
  }

  mark(): OutputMark {
    // A mark cannot point into a piece that still grows, so the next read begins a new piece.
    this.#last = undefined
    return { position: this.#position }
  }

  /** Everything that is kept, or what came after `since`. White space is left as it is. */
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

  /** The pieces of these streams after a position, in the order of the reads. */
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

  /** A position before the last `count` lines, and whether the text after it begins in the middle of a line. */
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

  /** The last `count` lines. Very long lines are cut at their beginning. */
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
