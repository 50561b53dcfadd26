import childProcess from 'node:child_process'
import { escapeControls } from '../base/escape.js'
import { shortPath } from '../base/start-folder.js'
import { renewIndex } from '../trace/index-file.js'

// The lists of a run's traces. Each is written and announced once, by whoever first learns that the run has ended.

const key = Symbol.for('proctor.named-traces.1')
const shelf = childProcess as unknown as Record<symbol, Set<string> | undefined>

/** Rewrites the list of traces in each folder. Returns lines that name the traces not announced yet. */
export function listTraces(folders: readonly string[], since: number): string[] {
  const named = (shelf[key] ??= new Set())
  return folders.flatMap((folder) => {
    const index = attempt(() => renewIndex(folder, since))
    if (index === undefined || index.own.length === 0 || named.has(folder)) return []
    named.add(folder)
    const { length } = index.own
    return [`proctor: ${length} ${length === 1 ? 'trace' : 'traces'}: ${escapeControls(shortPath(index.path))}`]
  })
}

/** Called for the next run, in watch mode: it announces its own traces. */
export function forgetNamedTraces(): void {
  shelf[key] = undefined
}

function attempt<Value>(action: () => Value): Value | undefined {
  try {
    return action()
  } catch (error) {
    process.stderr.write(`proctor: the traces cannot be listed: ${escapeControls((error as Error).message)}\n`)
    return undefined
  }
}
