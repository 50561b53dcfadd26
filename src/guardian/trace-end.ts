import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { uptime } from 'node:os'
import type { ListedFile } from '../workspace/listing.js'

// The end of a trace whose worker died: the guardian writes the last lines, and puts the page and the draft together.

/** What a trace says of the worker's death. */
export interface Death {
  /** The numbers of those that it took along. */
  readonly killed: readonly number[]
  readonly spared: readonly number[]
  readonly files: readonly ListedFile[]
}

/** The last lines. They stand in a script element of a page, so no `<` may. */
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

/** Puts a draft to where its trace is to be, behind the page, and removes it. One in which nothing stands is only removed. */
export function endTrace(draft: string, destination: string | undefined, page: string | undefined, death: Death): void {
  try {
    const entry = lstatSync(draft)
    if (destination !== undefined && entry.isFile() && entry.size > 0) {
      mkdirSync(dirname(destination), { recursive: true })
      const head = page === undefined ? [] : [readFileSync(page)]
      writeFileSync(destination, Buffer.concat([...head, readFileSync(draft), Buffer.from(lastLines(death))]))
    }
  } catch {
    // Gone, or nowhere to write to: nobody is left to tell.
  }
  rmSync(draft, { force: true })
}
