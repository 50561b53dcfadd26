import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished } from 'vitest'
import type { InnerRun } from '../inner-run.js'
import { findByCommandLine, isRunning, makeFolder, numberIn, removeFolder, uniqueNumber } from '../machine.js'

// Runs of a real Vitest that end badly. After each, no process of the run is alive and no workspace is left. The test
// itself reads /proc, and looks for a number that stands in every command line of the tree.

export interface Scene {
  readonly number: string
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** The worker's pid, once the tree is up. */
  ready(): Promise<number>
}

export function scene(fault: string, more: NodeJS.ProcessEnv = {}): Scene {
  const number = uniqueNumber()
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const readyFile = join(folder, 'ready')
  const env = { TMPDIR: folder, FAULT: fault, FAULT_NUMBER: number, FAULT_READY: readyFile, ...more }
  return { number, folder, env, ready: () => numberIn(readyFile) }
}

/** Ends what a failed test would leave, by the process groups that this test itself made. */
const runs: InnerRun[] = []
afterEach(() => {
  for (const { child } of runs.splice(0)) {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
      process.kill(-child.pid, 'SIGKILL')
  }
})
export const started = (run: InnerRun): InnerRun => {
  runs.push(run)
  return run
}

/** A process of the test's own that must not be touched. */
export function bystander(): () => void {
  const child = spawn('sleep', ['86399'], { detached: true, stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return () => expect(isRunning(child.pid!)).toBe(true)
}

export const sixProcesses = (number: string): void => expect(findByCommandLine(number).length).toBeGreaterThanOrEqual(6)
