import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writevSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ProctorError } from '../base/errors.js'
import { type Draft, type Guardian, isPageForOthers, tracePage } from '../guardian/guardian.js'

// A trace is a page with its data behind it. The page's head holds everything that draws it, and ends with the opening
// tag of a script of no type that a browser runs; what follows is one JSON object a line. The end of the file ends the
// script. So a trace is finished, by the worker or, when that has died, by the guardian, by putting one behind the other.
// Until then the data is a draft in the temporary folder: most traces are not kept.

/** One line of a trace. No `<` is left in it: it stands in a script element. */
const toLine = (record: object): string => `${JSON.stringify(record).replaceAll('<', String.raw`\u003c`)}\n`

/** Whether bytes stand in a page as they are: no `<`, nothing that a parser of HTML replaces, no half characters. */
export const isRaw = (bytes: Buffer): boolean =>
  bytes[0]! < 0x80 && bytes.at(-1)! < 0x80 && !bytes.includes(0x3c) && !bytes.includes(0x0d) && !bytes.includes(0)

/** The folder of a trace that may be kept: whether it can be written is said before anything is started. */
function assertWritable(folder: string): void {
  for (let existing = folder; ; existing = dirname(existing)) {
    try {
      if (!statSync(existing).isDirectory()) throw new Error(`${existing} is no folder`)
      return accessSync(existing, constants.W_OK | constants.X_OK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && existing !== dirname(existing)) continue
      throw new ProctorError(`No trace can be written to ${folder}: ${(error as Error).message}`, { cause: error })
    }
  }
}

const checked = new Set<string>()

/** The file of one trace. */
export class TraceFile {
  /** Where it is when it is kept. */
  readonly path: string
  readonly #guardian: Guardian
  #draft: Draft | undefined
  #pending: string
  #isKept = false

  /**
   * Begins a trace.
   *
   * @throws {ProctorError} when it could not be kept at `path`.
   */
  constructor(path: string, guardian: Guardian) {
    this.path = path
    this.#guardian = guardian
    const folder = dirname(path)
    if (!checked.has(folder)) assertWritable(folder)
    checked.add(folder)
    this.#draft = guardian.takeDraft(path)
    this.#pending = isPageForOthers ? '' : readFileSync(tracePage, 'utf8')
  }

  /** Appends a line, which is with the system when this returns. */
  append(record: object): void {
    this.appendFirst(record)
    this.#write()
  }

  /** Appends a line that another one follows at once: each write costs a test more than its line. */
  appendFirst(record: object): void {
    this.#pending += toLine(record)
  }

  #write(...more: readonly Uint8Array[]): void {
    const pending = this.#pending
    this.#pending = ''
    if (this.#draft === undefined) return
    const pieces = [Buffer.from(pending), ...more]
    try {
      const written = writevSync(this.#draft.file, pieces)
      // The last write that fits a disk fits it in part, and is no error.
      const wanted = pieces.reduce((sum, { length }) => sum + length, 0)
      if (written < wanted) throw new Error(`${written} of ${wanted} bytes were written, the disk is full`)
    } catch (error) {
      // A full disk fails no test.
      this.remove()
      process.stderr.write(`proctor: the trace ${this.path} breaks off: ${(error as Error).message}\n`)
    }
  }

  /**
   * Appends a record and, behind it, bytes as they are, up to a line that holds `end`: for much output, of which every
   * other form would cost more than its reading. Not for bytes that `isRaw` refuses.
   */
  appendRaw(record: object, bytes: Uint8Array, end: string): void {
    this.appendFirst({ ...record, end })
    this.#write(bytes, Buffer.from(`\n${end}\n`))
  }

  /** Whether it is where it is to be. */
  get isKept(): boolean {
    return this.#isKept
  }

  /** It has its last line and goes to where it is kept, unless it has broken off. */
  keep(): void {
    this.#write(Buffer.from('</script>\n'))
    if (this.#draft === undefined) return
    const parts = isPageForOthers ? [tracePage, this.#draft.path] : [this.#draft.path]
    try {
      mkdirSync(dirname(this.path), { recursive: true })
      // Not copied: an installed package may be read-only, and a copy of it would be too.
      writeFileSync(this.path, Buffer.concat(parts.map((part) => readFileSync(part))))
      this.#isKept = true
    } finally {
      this.#guardian.giveBack(this.#draft)
      this.#draft = undefined
      // Half a page is none.
      if (!this.#isKept) rmSync(this.path, { force: true })
    }
  }

  /** Discards the draft, and a trace of an earlier run at this path. */
  remove(): void {
    if (this.#draft !== undefined) this.#guardian.giveBack(this.#draft)
    this.#draft = undefined
    if (existsSync(this.path)) unlinkSync(this.path)
  }
}
