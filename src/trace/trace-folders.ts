import { takeRunLines, tellRun, thisRun } from '../workspace/run-lines.js'

// Workers know where their traces go; the main process of the run, which makes the list of them, reads it here.

const noted = new Set<string>()

/** Says so to the main process of this run, if it is marked. */
export function noteTraceFolder(folder: string): void {
  if (thisRun() === undefined || noted.has(folder) || /[\n\0]/.test(folder)) return
  noted.add(folder)
  tellRun('traces', folder)
}

/** The folders that the workers of a run have named. */
export const takeTraceFolders = (run: string): string[] => [...new Set(takeRunLines(run, 'traces'))]
