import { table } from '../system/process-table/current.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { type Evidence, isKnown, isLeader, type Tree } from './tree.js'

/** What tells the processes of a worker's commands from its own. */
export interface Surroundings {
  /** Every tree that lives in this worker. */
  readonly trees: ReadonlySet<Tree>
  /** The names of the variables that a worker's environment holds and every command's lacks: one a thread. */
  readonly outside: ReadonlySet<string>
  /** The worker's session: nothing of a command's can be in it. */
  readonly session: number
}

export interface Ours {
  readonly kind: 'ours'
  readonly tree: Tree
  readonly evidence: Evidence
}

export type Attribution =
  | Ours
  | { readonly kind: 'foreign' }
  /** Nothing speaks for or against it. */
  | { readonly kind: 'unattributed' }
  /** It is exiting, or hopping on, and could not be read. */
  | { readonly kind: 'unknown' }

export const foreign: Attribution = { kind: 'foreign' }
export const unattributed: Attribution = { kind: 'unattributed' }
export const unknown: Attribution = { kind: 'unknown' }

/** Whether a path is a folder or in it. */
export const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

/**
 * Attribution by what the process table alone says: identity, group, session. The numbers of groups and sessions are
 * used again once they are empty: who carries `outside` is a stranger in a number that was ours.
 */
export function attributeByTable(
  record: ProcessRecord,
  trees: Iterable<Tree>,
  outside?: ReadonlySet<string>,
): Attribution | undefined {
  for (const tree of trees) {
    const ours = (evidence: Evidence): Attribution => ({ kind: 'ours', tree, evidence })
    if (isLeader(tree, record)) return ours('leader')
    if (isKnown(tree, record)) return ours('parent chain')
    if (table.isOlder(record, tree.leader)) continue
    const isInGroup = record.group === tree.leader.pid && !tree.groupIsGone
    const isInSession = record.session !== 0 && tree.sessions.has(record.session)
    if (!isInGroup && !isInSession) continue
    const mayBeReused = !tree.isLeaderHeld() || !isInGroup
    if (mayBeReused && outside !== undefined && carriesAny(table.environment(record.pid), outside)) return foreign
    return ours(isInGroup ? 'group' : 'session')
  }
  return undefined
}

/** Whether an environment holds one of these variables. */
const carriesAny = (environment: readonly string[] | undefined, names: ReadonlySet<string>): boolean =>
  environment?.some((entry) => names.has(entry.slice(0, entry.indexOf('=')))) === true

/** Attribution by what only the process itself can show: environment, working directory, open files. */
export function attributeByEvidence(record: ProcessRecord, around: Surroundings): Attribution {
  const environment = table.environment(record.pid)
  if (environment !== undefined) {
    // The mark first: a command may have been handed the worker's whole environment on purpose.
    for (const tree of around.trees) {
      if (environment.includes(tree.mark)) return { kind: 'ours', tree, evidence: 'mark' }
    }
    if (carriesAny(environment, around.outside)) return foreign
  }
  // A terminal of its own and no mark: somebody's shell that went into the folder, or a pseudo-terminal not ours.
  if (record.hasTerminal) return foreign
  const cwd = table.cwd(record.pid)
  const files = table.openFiles(record.pid)
  for (const tree of around.trees) {
    if (table.isOlder(record, tree.leader)) continue
    if (cwd !== undefined && isWithin(cwd, tree.workspace)) return { kind: 'ours', tree, evidence: 'workspace' }
    if (files.some((file) => isWithin(file, tree.workspace))) return { kind: 'ours', tree, evidence: 'workspace' }
    if (files.some((file) => tree.streams.has(file))) return { kind: 'ours', tree, evidence: 'standard streams' }
  }
  const isUnreadable = !environment?.length && cwd === undefined && files.length === 0
  return isUnreadable && table.owner(record.pid) === process.geteuid?.() ? unknown : unattributed
}
