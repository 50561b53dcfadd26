import { appendFileSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runVariable } from '../containment/marks.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import { realProcess } from '../base/real-process.js'

// What a worker's tests have allowed to live on, the main process must not end with the run: it reads here which ones
// they are. The file is there only when something was allowed.

const fileOf = (run: string): string => join(tmpdir(), `proctor-spared-${run}`)
const lineOf = ({ pid, startTime }: ProcessIdentity): string => `${pid} ${startTime}`

/** Says so to the main process of this run, if it is marked. */
export function spareFromRun(identity: ProcessIdentity): void {
  const run = realProcess.env[runVariable]
  if (run !== undefined) appendFileSync(fileOf(run), `${lineOf(identity)}\n`)
}

/** Whether a process is to live on, after a run. Its file is removed. */
export function takeSpared(run: string): (identity: ProcessIdentity) => boolean {
  let lines: string[] = []
  try {
    lines = readFileSync(fileOf(run), 'latin1').split('\n')
  } catch {
    return () => false // Nothing was allowed.
  }
  rmSync(fileOf(run), { force: true })
  const spared = new Set(lines)
  return (identity) => spared.has(lineOf(identity))
}
