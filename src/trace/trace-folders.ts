import { appendFileSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realProcess } from '../base/real-process.js'
import { runVariable } from '../containment/marks.js'
import { dropOwnFolder, existingOwnFolder, ownFolder } from '../workspace/own-folder.js'

// Workers know where their traces go; the main process of the run, which makes the list of them, reads it here.

const temporary = (): string => realpathSync(tmpdir())
const noted = new Set<string>()
const nameOf = (run: string): string => `${run}.traces`

/** Says so to the main process of this run, if it is marked. */
export function noteTraceFolder(folder: string): void {
  const run = realProcess.env[runVariable]
  if (run === undefined || noted.has(folder) || /[\n\0]/.test(folder)) return
  noted.add(folder)
  try {
    appendFileSync(join(ownFolder(temporary()), nameOf(run)), `${folder}\n`, { mode: 0o600 })
  } catch {
    // Then there is no list of them: no test fails for that.
  }
}

/** The folders that the workers of a run have named. */
export function takeTraceFolders(run: string): string[] {
  try {
    const own = existingOwnFolder(temporary())
    if (own === undefined) return []
    const path = join(own, nameOf(run))
    const lines = readFileSync(path, 'utf8').split('\n')
    rmSync(path, { force: true })
    dropOwnFolder(own)
    return [...new Set(lines)].filter((line) => line !== '')
  } catch {
    return [] // No test had a trace, or the folder is somebody else's.
  }
}
