import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { ProctorError } from '../base/errors.js'
import { shortPath, startFolder } from '../base/start-folder.js'
import { show } from '../base/words.js'
import type { GuardOrigin } from './report.js'

// The leaks that a suite already has, so that only new ones fail it. A leak is identified by the file that started it
// and by its command line, not by the line of code, because lines move.

/** What identifies a leak. */
export interface KnownLeak {
  /** The file that started it, relative to the project. */
  readonly at: string
  /** Its command line, without what differs from run to run. */
  readonly command: string
}

/** If this variable is set, the guard writes what it finds to the baseline. */
export const updateVariable = 'PROCTOR_GUARD_UPDATE'

export const isUpdate = (environment: NodeJS.ProcessEnv): boolean => (environment[updateVariable] ?? '') !== ''

/** Replaces what differs from run to run: numbers, folders of this machine, random names. */
const lessVariable = (command: string): string =>
  command
    .replaceAll(`${tmpdir()}/`, '<temporary>/')
    .replaceAll(/<temporary>\/[^\s'"]+/g, '<temporary>')
    .replaceAll(`${startFolder}/`, '')
    .replaceAll(/\d+/g, '<n>')

/** The processes of one origin, as known leaks. Those that Node did not announce each count by their own command line. */
export function toKnown({ site, command, left }: GuardOrigin): KnownLeak[] {
  const at = site === undefined ? 'unknown' : shortPath(site.file)
  const commands = command === undefined ? left.map((each) => each.command) : [command]
  return commands.map((each) => ({ at, command: lessVariable(each) }))
}

const isKnownLeak = (entry: unknown): entry is KnownLeak => {
  const { at, command } = (entry ?? {}) as Partial<KnownLeak>
  return typeof at === 'string' && typeof command === 'string'
}

export const isSameLeak = (a: KnownLeak, b: KnownLeak): boolean => a.at === b.at && a.command === b.command

/** The text of a baseline file: sorted, one leak a line, so that a diff of it is easy to read. */
export function formatBaseline(leaks: readonly KnownLeak[]): string {
  const lines = [...new Set(leaks.map(({ at, command }) => JSON.stringify({ at, command })))].toSorted()
  return lines.length === 0 ? '[]\n' : `[\n  ${lines.join(',\n  ')}\n]\n`
}

/** Reads a baseline file. A relative path is relative to the folder of the run. Undefined if there is no such file. */
export function readBaseline(path: string): readonly KnownLeak[] | undefined {
  let text: string
  try {
    text = readFileSync(resolve(startFolder, path), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const refuse = (reason: string): ProctorError =>
    new ProctorError(`guard: the baseline ${show(path)} ${reason}. ${updateVariable}=1 writes it anew.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw refuse(`is no JSON (${(error as Error).message})`)
  }
  if (Array.isArray(value) && value.every(isKnownLeak)) return value
  throw refuse('is no list of { "at", "command" }')
}
