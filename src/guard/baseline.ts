import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { ProctorError } from '../base/errors.js'
import { shortPath, startFolder } from '../base/start-folder.js'
import { show } from '../base/words.js'
import type { GuardOrigin } from './report.js'

// The leaks that a suite has already, so that only a new one fails. Known by the file that started them and by their
// command line: lines of code move.

/** A leak, as it is told from another one. */
export interface KnownLeak {
  /** The file that started it, relative to the project. */
  readonly at: string
  /** Its command line, less what differs from run to run. */
  readonly command: string
}

/** The variable that says that what is found becomes the baseline. */
export const updateVariable = 'PROCTOR_GUARD_UPDATE'

export const isUpdate = (environment: NodeJS.ProcessEnv): boolean => (environment[updateVariable] ?? '') !== ''

/** Numbers, folders of this machine and random names are another run's otherwise. */
const lessVariable = (command: string): string =>
  command
    .replaceAll(`${tmpdir()}/`, '<temporary>/')
    .replaceAll(/<temporary>\/[^\s'"]+/g, '<temporary>')
    .replaceAll(`${startFolder}/`, '')
    .replaceAll(/\d+/g, '<n>')

/** What came of one call that started something, as known leaks. What nobody announced has its own command line each. */
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

/** What a baseline file holds, as it is written: sorted, a leak a line, so that a diff of it can be read. */
export function formatBaseline(leaks: readonly KnownLeak[]): string {
  const lines = [...new Set(leaks.map(({ at, command }) => JSON.stringify({ at, command })))].toSorted()
  return lines.length === 0 ? '[]\n' : `[\n  ${lines.join(',\n  ')}\n]\n`
}

/** Reads a baseline file. A path is relative to where the run was started. Undefined when there is none. */
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
