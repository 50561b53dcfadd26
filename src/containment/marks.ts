import { formatOwner, type Owner, parseOwner } from './owner.js'

// A mark is an environment variable with an unguessable *name*: a proctor inside a command of another proctor
// adds its own and leaves the outer one in place, so both find their processes again.

const prefix = 'PROCTOR_MARK_'

/**
 * The variable that workers have in their environment and commands do not. A process that has it was started by the
 * test itself.
 */
export const outsideName = (token: string): string => `PROCTOR_OUTSIDE_${token}`
export const markName = (token: string): string => `${prefix}${token}`

/** Only a guardian has this variable. */
export const guardianVariable = 'PROCTOR_GUARDIAN'

/** The run's token, which the global set-up puts into the environment of the main process. */
export const runVariable = 'PROCTOR_RUN'

export interface Mark {
  readonly owner: Owner
  /** The run's token, or `0` if no global set-up has marked the run. */
  readonly run: string
  /** `fixture.command`, both counted within the worker. */
  readonly tree: string
}

export const formatMark = (mark: Mark): string => `${formatOwner(mark.owner)}/${mark.run}/${mark.tree}`

/** The marks in an environment: one for each proctor around the process. */
export function parseMarks(environment: readonly string[]): Mark[] {
  return environment.flatMap((entry) => {
    if (!entry.startsWith(prefix)) return []
    const [owner = '', run = '', tree = ''] = entry.slice(entry.indexOf('=') + 1).split('/')
    const parsed = parseOwner(owner)
    return parsed === undefined ? [] : [{ owner: parsed, run, tree }]
  })
}

/** Whether an environment contains a mark of anybody. */
export const hasMark = (environment: readonly string[]): boolean => parseMarks(environment).length > 0

/** The tree that a mark `NAME=value` names. */
export const treeIn = (mark: string): string => parseMarks([mark])[0]?.tree ?? '0'
