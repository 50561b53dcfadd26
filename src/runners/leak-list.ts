import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { escapeControls } from '../base/escape.js'
import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { startFolder } from '../base/start-folder.js'
import { count } from '../base/words.js'
import { formatBaseline, isUpdate, updateVariable } from '../guard/baseline.js'
import { formatLeakSummary, type LeakListener, type LeakNote } from '../guard/summary.js'
import { takeRunLines, tellRun, thisRun } from '../workspace/run-lines.js'

// Workers know what their guards have found; the main process of the run, which sums it up, reads it here.

/** What a guard says: where its baseline is, or what it has found. */
type Line = { readonly baseline: string } | LeakNote

const append = (line: Line): void => tellRun('leaks', JSON.stringify(line))

/** Tells the main process of this run, if it is marked, what a guard has found. */
export const leakList: LeakListener = {
  found: append,
  willUpdate: (path) => {
    if (thisRun() === undefined) throw nobodyWrites()
    append({ baseline: resolve(startFolder, path) })
  },
}

const nobodyWrites = (): ProctorError =>
  new ProctorError(
    `${updateVariable}: nobody would write the baseline at the end of this run. proctor/vitest/plugin, proctor/jest/config and --test-reporter=proctor/node-test/reporter do.`,
  )

/** What the workers of a run have said. */
function takeLines(run: string): Line[] {
  try {
    return takeRunLines(run, 'leaks').map((line) => JSON.parse(line) as Line)
  } catch {
    return [] // One was cut off.
  }
}

/** What a person is to read of all guards of this run. Writes the baseline where that is asked for. */
export function sumUpLeaks(run: string | undefined = thisRun()): string[] {
  const lines = run === undefined ? [] : takeLines(run)
  const notes = lines.filter((line): line is LeakNote => 'unit' in line)
  const summary = formatLeakSummary(notes)
  const baselines = [...new Set(lines.flatMap((line) => ('baseline' in line ? [line.baseline] : [])))]
  const written = isUpdate(realProcess.env) ? baselines.map((path) => writeBaseline(path, notes)) : []
  return [...(summary === undefined ? [] : [summary]), ...written]
}

function writeBaseline(path: string, notes: readonly LeakNote[]): string {
  const text = formatBaseline(notes)
  const shown = escapeControls(path)
  try {
    writeFileSync(path, text)
  } catch (error) {
    return `proctor: the baseline cannot be written: ${escapeControls((error as Error).message)}`
  }
  const leaks = (JSON.parse(text) as unknown[]).length
  return `proctor: baseline with ${count(leaks, 'leak', 'leaks')} written: ${shown}`
}
