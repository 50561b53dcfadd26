import { lstatSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { uptime } from 'node:os'
import type { ListedFile } from '../workspace/listing.js'
import { readOwnFile } from '../workspace/own-file.js'
import { replaceFile } from '../workspace/replace-file.js'

// Completes the trace of a dead worker. The guardian writes its last lines, and joins the page and the draft.

/** What a trace says about the worker's death. */
export interface Death {
  /** The pids of the processes that the guardian killed. */
  readonly killed: readonly number[]
  readonly spared: readonly number[]
  readonly files: readonly ListedFile[]
}

/** The last lines of a trace. They are inside a script element of the page, so they must not contain `<`. */
function lastLines({ killed, spared, files }: Death): string {
  const lines = [
    '',
    `#died ${uptime()}`,
    ...killed.map((pid) => `#killed ${pid}`),
    ...spared.map((pid) => `#spared ${pid}`),
    ...files.map(({ path, size }) => `#file ${size} ${path.replaceAll(/[\n\r]/g, '?')}`),
  ]
  return `${lines.join('\n').replaceAll('<', '?')}\n</script>\n`
}

/** Writes the page and the draft to the trace's destination, and removes the draft. An empty draft is only removed. */
export function endTrace(draft: string, destination: string | undefined, page: string | undefined, death: Death): void {
  try {
    const entry = lstatSync(draft)
    if (destination !== undefined && entry.isFile() && entry.size > 0) {
      mkdirSync(dirname(destination), { recursive: true })
      const head = page === undefined ? [] : [readFileSync(page)]
      replaceFile(destination, Buffer.concat([...head, readOwnFile(draft), Buffer.from(lastLines(death))]))
    }
  } catch {
    // The draft is gone, or the destination cannot be written. Nobody is left to be told.
  }
  rmSync(draft, { force: true })
}
