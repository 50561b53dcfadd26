import { escapeControls } from '../base/escape.js'
import { shortCommand } from '../base/short-command.js'
import { count } from '../base/words.js'
import type { KnownLeak } from './baseline.js'

// Sums up what all guards of a run have found: one line for each line of code that started leaked processes.

/** What a guard found about one line of code, at the end of a test or a file. */
export interface LeakNote extends KnownLeak {
  /** `file:line`, where it is known. */
  readonly site: string | undefined
  readonly processes: number
  /** Identifies the test, or the file, among all of the run. */
  readonly unit: string
  readonly kind: 'test' | 'file'
  /** Whether the leak fails nothing: the baseline has it, or the mode is `report` or `warn`. */
  readonly isTolerated: boolean
}

/** Collects what all guards of a run find. */
export interface LeakListener {
  found(note: LeakNote): void
  /** Called if the run's findings are to be written to this baseline. */
  willUpdate(baseline: string): void
}

interface Row {
  readonly site: string
  readonly command: string
  processes: number
  readonly tests: Set<string>
  readonly files: Set<string>
}

const unknownSite = 'a line that is not known'

function rowsOf(notes: readonly LeakNote[]): Row[] {
  const rows = new Map<string, Row>()
  for (const { site = unknownSite, command, processes, unit, kind } of notes) {
    const key = site === unknownSite ? `${site} ${command}` : site
    const row = rows.get(key) ?? { site, command, processes: 0, tests: new Set(), files: new Set() }
    rows.set(key, row)
    row.processes += processes
    ;(kind === 'test' ? row.tests : row.files).add(unit)
  }
  return [...rows.values()].toSorted(
    (a, b) => b.processes - a.processes || b.tests.size - a.tests.size || (a.site < b.site ? -1 : 1),
  )
}

function outlived({ tests, files }: Pick<Row, 'tests' | 'files'>): string {
  const parts = [
    ...(tests.size === 0 ? [] : [count(tests.size, 'test', 'tests')]),
    ...(files.size === 0 ? [] : [count(files.size, 'test file', 'test files')]),
  ]
  return parts.join(' and ')
}

/** The summary of a run, the worst line first. Undefined when nothing was found. */
export function formatLeakSummary(notes: readonly LeakNote[]): string | undefined {
  const rows = rowsOf(notes)
  if (rows.length === 0) return undefined
  const processes = rows.reduce((sum, row) => sum + row.processes, 0)
  const all = {
    tests: new Set(rows.flatMap(({ tests }) => [...tests])),
    files: new Set(rows.flatMap(({ files }) => [...files])),
  }
  const isTolerated = notes.every((note) => note.isTolerated) ? ', none of which fails the run' : ''
  return [
    `proctor: ${count(processes)} outlived ${outlived(all)}${isTolerated}`,
    ...rows.map((row) => {
      const what = `${escapeControls(row.site)} started ${count(row.processes)} that outlived ${outlived(row)}`
      return `  ${what}: ${escapeControls(shortCommand(row.command))}`
    }),
  ].join('\n')
}
