import { takeRunLines, tellRun, thisRun } from '../workspace/run-lines.js'

// The workers write down where their traces are. The run's main process reads it here and makes the lists.

/** The folder of the traces, below the folder in which the tests run. */
export const defaultTraceFolder = 'test-results/proctor'

/** The list of a folder's traces, which lies among them. */
export const indexName = 'index.html'

const noted = new Set<string>()

/** Tells the main process of this run about a folder, if the run is marked. */
export function noteTraceFolder(folder: string): void {
  if (thisRun() === undefined || noted.has(folder) || /[\n\0]/.test(folder)) return
  noted.add(folder)
  tellRun('traces', folder)
}

/** The folders that the workers of a run have written down. */
export const takeTraceFolders = (run: string): string[] => [...new Set(takeRunLines(run, 'traces'))]
