import { formatOwner, type Owner, parseOwner } from './owner.js'

// A mark is an environment variable with an unguessable *name*: a proctor inside a command of another proctor
// adds its own and leaves the outer one in place, so both find their processes again.

const prefix = 'PROCTOR_MARK_'

/** What a worker's environment holds and its commands' lacks: who carries it was started by the test itself. */
export const outsideName = (token: string): string => `PROCTOR_OUTSIDE_${token}`
export const markName = (token: string): string => `${prefix}${token}`

/** What only a guardian carries. */
export const guardianVariable = 'PROCTOR_GUARDIAN'

/** Holds the run's token in the environment of the main process, set by the global set-up. */
export const runVariable = 'PROCTOR_RUN'

export interface Mark {
  readonly owner: Owner
  /** The run's token, or `0` where no global set-up marked the run. */
  readonly run: string
  /** `fixture.command`, both counted in the worker. */
  readonly tree: string
}

export const formatMark = (mark: Mark): string => `${formatOwner(mark.owner)}/${mark.run}/${mark.tree}`

/** The marks that an environment holds: one for each proctor around the process. */
export function parseMarks(environment: readonly string[]): Mark[] {
  return environment.flatMap((entry) => {
    if (!entry.startsWith(prefix)) return []
    const [owner = '', run = '', tree = ''] = entry.slice(entry.indexOf('=') + 1).split('/')
    const parsed = parseOwner(owner)
    return parsed === undefined ? [] : [{ owner: parsed, run, tree }]
  })
}

/** The tree that a variable `NAME=value` names, which is a mark. */
export const treeIn = (mark: string): string => parseMarks([mark])[0]?.tree ?? '0'
