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

// A trace is a page followed by its data. The head of the page has everything that draws it, and ends with the opening
// tag of a script of a type that no browser runs. After that comes one JSON object on each line. The end of the file
// ends the script. So the worker, or the guardian after the worker's death, finishes a trace by concatenating the two.
// Until then the data is a draft in the temporary folder, because most traces are not kept.

/** One line of a trace. It contains no `<`, because it is inside a script element. */
const toLine = (record: object): string => `${JSON.stringify(record).replaceAll('<', String.raw`\u003c`)}\n`

/**
 * Whether bytes can be in a page as they are: no `<`, nothing that an HTML parser replaces, no incomplete characters.
 */
export const isRaw = (bytes: Buffer): boolean =>
  bytes[0]! < 0x80 && bytes.at(-1)! < 0x80 && !bytes.includes(0x3c) && !bytes.includes(0x0d) && !bytes.includes(0)

/** Checks that a trace could be written into a folder, before anything is started. */
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
  /** Its path if it is kept. */
  readonly path: string
  readonly #guardian: Guardian
  #draft: Draft | undefined
  #pending: string
  #isKept = false

  /**
   * Begins a trace.
   *
   * @throws {ProctorError} if it could not be kept at `path`.
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

  /** Appends a line. When this returns, the system has it. */
  append(record: object): void {
    this.appendFirst(record)
    this.#write()
  }

  /**
   * Appends a line that another one follows at once. They are written together, because a write costs more than a line.
   */
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
      // When the disk is nearly full, the last write succeeds in part and reports no error.
      const wanted = pieces.reduce((sum, { length }) => sum + length, 0)
      if (written < wanted) throw new Error(`${written} of ${wanted} bytes were written, the disk is full`)
    } catch (error) {
      // A full disk does not fail a test.
      this.remove()
      process.stderr.write(`proctor: the trace ${this.path} breaks off: ${(error as Error).message}\n`)
    }
  }

  /**
   * Appends a record and after it bytes as they are, up to a line that consists of `end`. This is for large output,
   * which would take longer to convert than to read. Not for bytes that `isRaw` refuses.
   */
  appendRaw(record: object, bytes: Uint8Array, end: string): void {
    this.appendFirst({ ...record, end })
    this.#write(bytes, Buffer.from(`\n${end}\n`))
  }

  /** Whether it is in its final place. */
  get isKept(): boolean {
    return this.#isKept
  }

  /** Moves the finished trace to its final place, unless writing has failed. */
  keep(): void {
    this.#write(Buffer.from('</script>\n'))
    if (this.#draft === undefined) return
    const parts = isPageForOthers ? [tracePage, this.#draft.path] : [this.#draft.path]
    try {
      mkdirSync(dirname(this.path), { recursive: true })
      // Written, not copied: an installed package may be read-only, and a copy of its files would be too.
      writeFileSync(this.path, Buffer.concat(parts.map((part) => readFileSync(part))))
      this.#isKept = true
    } finally {
      this.#guardian.giveBack(this.#draft)
      this.#draft = undefined
      // A part of a page is of no use.
      if (!this.#isKept) rmSync(this.path, { force: true })
    }
  }

  /** Discards the draft, and the trace that an earlier run has left at this path. */
  remove(): void {
    if (this.#draft !== undefined) this.#guardian.giveBack(this.#draft)
    this.#draft = undefined
    if (existsSync(this.path)) unlinkSync(this.path)
  }
}
