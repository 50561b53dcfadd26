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

// The guards in the workers write down what they have found. The run's main process reads it here and sums it up.

/** A line from a guard: the path of its baseline, or a finding. */
type Line = { readonly baseline: string } | LeakNote

const append = (line: Line): void => tellRun('leaks', JSON.stringify(line))

/** Writes what a guard has found, for the main process of this run. Does nothing if the run is not marked. */
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

/** Reads what the workers of a run have written, and removes it. */
function takeLines(run: string): Line[] {
  try {
    return takeRunLines(run, 'leaks').map((line) => JSON.parse(line) as Line)
  } catch {
    return [] // One was cut off.
  }
}

/** The summary of all guards of this run. Also writes the baseline, if one is asked for. */
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
