import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { realProcess } from '../base/real-process.js'
import { runVariable } from '../containment/marks.js'
import { appendToOwnFile, readOwnFile } from './own-file.js'
import { dropOwnFolder, existingOwnFolder, ownFolder, temporaryFolder } from './own-folder.js'

// What the workers of a run tell its main process: one file of lines for each kind, in this user's own folder.

/** The folders of traces, and the findings of guards. */
export type LineKind = 'traces' | 'leaks'

const nameOf = (run: string, kind: LineKind): string => `${run}.${kind}`

/** The token of this process's run, if the run is marked. */
export const thisRun = (): string | undefined => realProcess.env[runVariable]

/** Tells the main process of this run, if the run is marked. */
export function tellRun(kind: LineKind, line: string): void {
  const run = thisRun()
  if (run === undefined) return
  try {
    appendToOwnFile(join(ownFolder(temporaryFolder()), nameOf(run, kind)), `${line}\n`)
  } catch {
    // The main process does not learn it, but no test fails for that.
  }
}

/** Reads what the workers of a run have told, and removes it. */
export function takeRunLines(run: string, kind: LineKind): string[] {
  try {
    const own = existingOwnFolder(temporaryFolder())
    if (own === undefined) return []
    const path = join(own, nameOf(run, kind))
    const lines = String(readOwnFile(path)).split('\n')
    rmSync(path, { force: true })
    dropOwnFolder(own)
    return lines.filter((line) => line !== '')
  } catch {
    return [] // No worker had anything to tell, or the folder is somebody else's.
  }
}
