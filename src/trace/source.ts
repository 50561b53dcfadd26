import { readFileSync, statSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { withManyFrames } from '../base/call-site.js'
import { userFrame } from '../base/stack.js'
import type { Site, SourceRecord } from './format.js'
import { Mask } from './secrets.js'

// The lines of the test's calls, and the lines around them. The files are read when the trace ends. A passing test does
// not pay for that, and by then all secrets of its commands are known and can be hidden in the lines.

/** How many lines before and after a call are shown. */
const linesBefore = 9
const linesBehind = 10
const mostFiles = 20
const mostBytes = 2 * 1024 * 1024
const mostWidth = 400

/** Remembers the current call. The user's line in it is found when the result is called, because that takes longer. */
function callOfTest(): () => Site | undefined {
  const site: { stack?: string } = {}
  withManyFrames(() => Error.captureStackTrace(site, callOfTest))
  return () => siteIn(site.stack)
}

/** The user's line in a stack. */
export function siteIn(stack: string | undefined): Site | undefined {
  const frame = userFrame(stack)
  return frame && { file: frame.file, line: frame.line, column: frame.column }
}

/** The name of a file in the trace: relative to the root if the file is below it. */
const nameBelow = (root: string, file: string): string => {
  const path = relative(root, file)
  return path === '' || path.startsWith('..') || isAbsolute(path) ? file : path
}

function linesOf(file: string): string[] {
  try {
    if (statSync(file).size > mostBytes) return []
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    // It is a virtual module, or a file that the test has removed.
    return []
  }
}

const clip = (line: string): string => (line.length <= mostWidth ? line : `${line.slice(0, mostWidth)} …`)

type Piece = Omit<SourceRecord, 'k' | 't'>

/** Merges the lines within reach of the wanted ones into ranges that do not overlap. */
export function reach(wanted: readonly number[], last: number): { from: number; to: number }[] {
  const pieces: { from: number; to: number }[] = []
  for (const line of wanted.toSorted((a, b) => a - b)) {
    const from = Math.max(1, line - linesBefore)
    const to = Math.min(last, line + linesBehind)
    const before = pieces.at(-1)
    if (before !== undefined && from <= before.to + 1) before.to = Math.max(before.to, to)
    else if (from <= to) pieces.push({ from, to })
  }
  return pieces
}

/** The lines around the calls of one test. */
export class Sources {
  readonly #root: string
  readonly #wanted = new Map<string, Set<number>>()
  /** A test's source may contain the values of its variables. Of environments, only names may be shown. */
  readonly #mask = new Mask()

  constructor(root: string) {
    this.#root = resolve(root)
  }

  /** Records that the lines around a place are wanted. Returns the place as the trace shows it. */
  add(site: Site | undefined): Site | undefined {
    if (site === undefined) return undefined
    const file = nameBelow(this.#root, site.file)
    const lines = this.#wanted.get(file) ?? new Set()
    if (this.#wanted.size < mostFiles || this.#wanted.has(file)) this.#wanted.set(file, lines.add(site.line))
    return { ...site, file }
  }

  /** Remembers the current call. The result finds the user's line in it. */
  callOfTest(): () => Site | undefined {
    const site = callOfTest()
    return () => this.add(site())
  }

  /** Hides the values of these variables of an environment, and all of its secrets. */
  hide(environment: Readonly<Record<string, string | undefined>>, names: readonly string[]): void {
    this.#mask.learn(environment)
    this.#mask.learnAll(environment, names)
  }

  /** Hides the secrets of a command line. */
  hideCommand(command: string): void {
    this.#mask.learnCommand(command)
  }

  read(): Piece[] {
    return [...this.#wanted].flatMap(([file, wanted]) => {
      const lines = linesOf(resolve(this.#root, file))
      return reach([...wanted], lines.length).map(({ from, to }) => ({
        file,
        from,
        lines: lines.slice(from - 1, to).map((line) => clip(this.#mask.hide(line))),
      }))
    })
  }
}
