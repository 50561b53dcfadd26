import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  statfsSync,
  unlinkSync,
  writevSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { later } from '../base/clock.js'
import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { onceAWorker } from '../base/shelf.js'
import { type Guardian, isPageForOthers, tracePage } from '../guardian/guardian.js'
import { readOwnFile } from '../workspace/own-file.js'
import { replaceFile } from '../workspace/replace-file.js'
import { type Draft, giveBack, takeDraft } from './draft.js'
import { indexName, noteTraceFolder } from './trace-folders.js'

// A trace is a page followed by its data. The head of the page has everything that draws it, and ends with the opening
// tag of a script of a type that no browser runs. After that comes one JSON object on each line. The end of the file
// ends the script. So the worker, or the guardian after the worker's death, finishes a trace by concatenating the two.
// Until then the data is a draft in the temporary folder, because most traces are not kept. The draft itself is begun
// after a tenth of a second. Until then the worker remembers what happens, and masks, formats and writes nothing.

/** One line of a trace. It contains no `<`, because it is inside a script element. */
const toLine = (record: object): string => `${JSON.stringify(record).replaceAll('<', String.raw`\u003c`)}\n`

/**
 * Whether bytes can be in a page as they are: no `<`, nothing that an HTML parser replaces, no incomplete characters.
 */
export const isRaw = (bytes: Buffer): boolean =>
  bytes[0]! < 0x80 && bytes.at(-1)! < 0x80 && !bytes.includes(0x3c) && !bytes.includes(0x0d) && !bytes.includes(0)

const isLink = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true

/** See statfs(2). */
const isProcfs = (path: string): boolean => process.platform === 'linux' && statfsSync(path).type === 0x9fa0

/** Checks that a trace could be written into a folder, before anything is started. */
function assertWritable(folder: string): void {
  for (let existing = folder; ; existing = dirname(existing)) {
    try {
      if (!statSync(existing).isDirectory()) throw new Error(`${existing} is no folder`)
      // There, mkdir(2) says ENOENT as if a parent were missing, and Node's recursive mkdir tries for ever.
      if (existing !== folder && isProcfs(existing)) throw new Error(`no folder can be made in ${existing}`)
      return accessSync(existing, constants.W_OK | constants.X_OK)
    } catch (error) {
      // A symbolic link that leads nowhere is there, and no folder can be made in its place.
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT' && !isLink(existing)
      if (isMissing && existing !== dirname(existing)) continue
      throw new ProctorError(`No trace can be written to ${folder}: ${(error as Error).message}`, { cause: error })
    }
  }
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/**
 * Checks that a trace can take a path. What is there is replaced, and removed when there is no trace: that is an older
 * trace, and never a folder or a device.
 */
export function assertReplaceable(path: string): void {
  if (existsSync(path) && !isFile(path)) throw new ProctorError(`No trace can be written to ${path}: it is no file`)
}

const checked = new Set<string>()

/** Whether a folder has any traces. This is quicker than finding the name of a trace. */
function hasTraces(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => name !== indexName)
  } catch {
    return false
  }
}

/** How long (ms) work waits before it is done. Most tests have passed by then, and their traces are never made. */
const delay = 100

/** The traces with work to do. A worker that exits in the middle of a test does it at its exit. */
const unwritten = onceAWorker('unwritten-traces.1', () => {
  const files = new Set<{ exit(): void }>()
  realProcess.once('exit', () => {
    for (const file of files) file.exit()
  })
  return files
})

/** The file of one trace. */
export class TraceFile {
  readonly #folder: string
  readonly #name: () => string
  readonly #guardian: Guardian
  #path: string | undefined
  #draft: Draft | undefined
  readonly #work: (() => void)[] = []
  #text = ''
  readonly #pieces: Uint8Array[] = []
  #isKept = false
  /** Nothing more is written: the trace is finished, is not needed, or the disk is full. */
  #isOver = false

  /**
   * Begins a trace. `name` is called when the name is needed.
   *
   * @throws {ProctorError} if it could not be kept in the folder.
   */
  constructor(folder: string, name: () => string, guardian: Guardian) {
    this.#folder = folder
    this.#name = name
    this.#guardian = guardian
    if (!checked.has(folder)) assertWritable(folder)
    checked.add(folder)
  }

  /** Its path if it is kept. */
  get path(): string {
    return (this.#path ??= join(this.#folder, this.#name()))
  }

  /** Does some work, which appends to the trace, a moment later, at the end, or never. */
  later(work: () => void): void {
    if (this.#isOver) return
    if (this.#work.push(work) > 1) return
    unwritten.add(this)
    later(delay, () => this.flush())
  }

  /** Appends a line. To be called in the work given to `later`. */
  append(record: object): void {
    this.#text += toLine(record)
  }

  /**
   * Appends a record and after it bytes as they are, up to a line that consists of `end`. This is for large output,
   * which would take longer to convert than to read. Not for bytes that `isRaw` refuses.
   */
  appendRaw(record: object, bytes: Uint8Array, end: string): void {
    this.append({ ...record, end })
    this.#endText()
    this.#pieces.push(bytes)
    this.#text = `\n${end}\n`
  }

  #endText(): void {
    if (this.#text !== '') this.#pieces.push(Buffer.from(this.#text))
    this.#text = ''
  }

  /** Does the work that waits. When this returns, the system has what it appended. */
  flush(): void {
    const work = this.#work.splice(0)
    unwritten.delete(this)
    if (work.length === 0 || this.#isOver) return
    for (const each of work) each()
    this.#write()
  }

  /** Called when the worker exits. The guardian finishes this trace. */
  exit(): void {
    this.flush()
    this.#guardian.tellNow()
  }

  #write(): void {
    this.#endText()
    const pieces = this.#pieces.splice(0)
    try {
      this.#draft ??= this.#begin()
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

  #begin(): Draft {
    const draft = takeDraft(this.#guardian, this.path)
    noteTraceFolder(this.#folder)
    if (!isPageForOthers) this.#pieces.unshift(readFileSync(tracePage))
    return draft
  }

  /** Whether it is in its final place. */
  get isKept(): boolean {
    return this.#isKept
  }

  /** Moves the finished trace to its final place, unless writing has failed. */
  keep(): void {
    this.later(() => (this.#text += '</script>\n'))
    this.flush()
    if (this.#draft === undefined) return
    try {
      mkdirSync(this.#folder, { recursive: true })
      // Written, not copied: an installed package may be read-only, and a copy of its files would be too.
      const page = isPageForOthers ? [readFileSync(tracePage)] : []
      replaceFile(this.path, Buffer.concat([...page, readOwnFile(this.#draft.path)]))
      this.#isKept = true
    } finally {
      this.#end()
      // A part of a page is of no use.
      if (!this.#isKept) this.#removeFile()
    }
  }

  #end(): void {
    this.#isOver = true
    this.#work.length = 0
    unwritten.delete(this)
    if (this.#draft !== undefined) giveBack(this.#guardian, this.#draft)
    this.#draft = undefined
  }

  /** Discards the draft, and the trace that an earlier run has left at this path. Returns whether there may be one. */
  remove(): boolean {
    this.#end()
    if (this.#path === undefined && !hasTraces(this.#folder)) return false
    this.#removeFile()
    return true
  }

  #removeFile(): void {
    if (isFile(this.path)) unlinkSync(this.path)
  }
}
