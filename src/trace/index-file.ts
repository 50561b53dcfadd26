import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { dataBegin, type StartRecord, type SummaryRecord } from './format.js'
import { type IndexEntry, indexPage } from './index-page.js'
import { indexName } from './trace-folders.js'

// `index.html` of a folder of traces, made from the traces that are there. The run's main process makes it when the run
// has ended. Workers do not write it, so they cannot overwrite each other's.

/** How many bytes at the end of a trace contain its summary, and how many at the beginning its first line. */
const tailLength = 64 * 1024
const headLength = 512 * 1024
const mostTraces = 5000

function readPart(path: string, length: number, isEnd: boolean): string {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const bytes = Buffer.alloc(Math.min(size, length))
    readSync(file, bytes, 0, bytes.length, isEnd ? size - bytes.length : 0)
    return bytes.toString('utf8')
  } finally {
    closeSync(file)
  }
}

const toRecord = <Record>(line: string | undefined): Record | undefined => {
  try {
    return line === undefined ? undefined : (JSON.parse(line) as Record)
  } catch {
    return undefined
  }
}

/** The entry of a trace that its worker finished. */
function finished(trace: string, text: string): IndexEntry | undefined {
  const line = text.split('\n').findLast((each) => each.startsWith('{"k":"summary"'))
  const summary = toRecord<SummaryRecord>(line)
  return summary && { ...summary, trace, durationMs: summary.t }
}

/** The entry of a trace that the guardian finished. Only its first line is known. */
function interrupted(trace: string, head: string): IndexEntry | undefined {
  const data = head.slice(head.lastIndexOf(dataBegin))
  const line = data.split('\n').find((each) => each.startsWith('{"k":"trace"'))
  const start = toRecord<StartRecord>(line)
  return start && { ...start, trace, state: 'interrupted' }
}

/** The entry of a file. Undefined if the file is not a trace. */
export function readEntry(folder: string, trace: string): IndexEntry | undefined {
  const path = join(folder, trace)
  try {
    if (!lstatSync(path).isFile()) return undefined
    return finished(trace, readPart(path, tailLength, true)) ?? interrupted(trace, readPart(path, headLength, false))
  } catch {
    // It has been removed meanwhile, or may not be read.
    return undefined
  }
}

const tracesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.html') && file !== indexName && !file.startsWith('.'))
    .toSorted()
    .slice(0, mostTraces)

/** Replaces a file at once: whoever opens it meanwhile sees either the old or the new one. */
function replace(folder: string, text: string): void {
  const scratch = mkdtempSync(join(folder, '.index-'))
  try {
    writeFileSync(join(scratch, indexName), text)
    renameSync(join(scratch, indexName), join(folder, indexName))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** A list of traces and its path. */
export interface TraceIndex {
  readonly path: string
  /** The entries of the run that began at `since`. */
  readonly own: readonly IndexEntry[]
}

/**
 * Rewrites the list of a folder's traces. A folder without traces has none.
 *
 * `since`: when the run began, in ms since 1970.
 */
export function renewIndex(folder: string, since: number): TraceIndex | undefined {
  if (!existsSync(folder)) return undefined
  const path = join(folder, indexName)
  const traces = tracesIn(folder)
  const entries = traces.map((trace) => readEntry(folder, trace)).filter((entry) => entry !== undefined)
  if (entries.length === 0) {
    rmSync(path, { force: true })
    return undefined
  }
  replace(folder, indexPage(entries, since))
  return { path, own: entries.filter(({ at }) => at >= since) }
}
