import { table } from '../system/process-table/current.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import type { LocksLimit } from '../system/syscalls.js'
import type { Evidence } from './evidence.js'
import { carriesLocksMark } from './locks-mark.js'
import type { KnownProcess, Root } from './root.js'

// Which root a process belongs to. This file reads nothing and remembers nothing: the table of everything that has to be
// distinguished is test/rooms/containment/attribute.test.ts.

/** What its parent tells about a process. */
export type Parentage<Of> =
  /** Its parent is alive, and belongs to this root. */
  | { readonly kind: 'ours'; readonly root: Of }
  /** This process is a subreaper, and has become its parent. */
  | { readonly kind: 'adopted' }
  /** Its parent is the process that adopts orphans. */
  | { readonly kind: 'orphan' }
  /** Its parent is alive, and belongs to none of our roots. */
  | { readonly kind: 'strangers' }

/** What can be read about one process beyond its row of the process table. */
export interface Facts<Of> {
  readonly parentage: Parentage<Of>
  /** Whether it is in the session of this process. */
  readonly isInOwnSession: boolean
  /** `NAME=value` entries. Empty in the middle of an exec, and if it was cleared. Undefined if it cannot be read. */
  readonly environment: readonly string[] | undefined
  readonly locks: LocksLimit | undefined
  /** Whether its environment shows that a test itself has started it. */
  readonly isOutside: boolean
  /** Whether it runs as this user and in this pid namespace. */
  readonly isLocal: boolean
  readonly cwd: string | undefined
  /** The targets of its open files. */
  readonly files: readonly string[]
}

/** What attribution needs to know about a root. */
export type Claim = Omit<Root, 'owner' | 'site' | 'isHeld' | 'owns'>

/** A root of which nothing but its processes is known. Its identity is unknown until the call that starts it returns. */
export interface KnownClaim extends Pick<Claim, 'known'> {
  readonly identity: ProcessIdentity | undefined
}

export interface Ours<Of> {
  readonly kind: 'ours'
  readonly root: Of
  readonly evidence: Evidence
}

export type Attribution<Of> =
  | Ours<Of>
  | { readonly kind: 'foreign' }
  /** Nothing tells whether it is ours. */
  | { readonly kind: 'unattributed' }
  /** It is exiting, or in the middle of an exec, and could not be read. */
  | { readonly kind: 'unknown' }

/** Whether a path is a folder or in it. */
export const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

/** What is known about a process, if it was seen below a root. */
function knownOf({ known }: Pick<Claim, 'known'>, record: ProcessIdentity): KnownProcess | undefined {
  const seen = known.get(record.pid)
  return seen !== undefined && table.isSame(seen, record) ? seen : undefined
}

export const isKnown = (root: Pick<Claim, 'known'>, record: ProcessIdentity): boolean =>
  knownOf(root, record) !== undefined

/**
 * By its identity alone: it is a root itself, or was seen below one. A guess remains a guess, however often the process
 * is seen.
 */
export function attributeKnown<Of extends KnownClaim>(
  record: ProcessRecord,
  roots: Iterable<Of>,
): Ours<Of> | undefined {
  for (const root of roots) {
    if (root.identity !== undefined && table.isSame(root.identity, record))
      return { kind: 'ours', root, evidence: 'leader' }
    const known = knownOf(root, record)
    if (known !== undefined) return { kind: 'ours', root, evidence: known.evidence }
  }
  return undefined
}

const isMarked = (environment: readonly string[], mark: string): boolean =>
  mark.endsWith('=') ? environment.some((entry) => entry.startsWith(mark)) : environment.includes(mark)

/** Whether the process would show this root's mark if it had it. */
function canShowMark({ environment, locks }: Facts<unknown>, root: Claim): boolean {
  if (locks !== undefined && root.locks !== undefined) return true
  // A daemon that wrote its title over its environment has entries without a name.
  return environment?.some((entry) => /^[A-Za-z_]\w*=/.test(entry)) === true
}

function attributeByMark<Of extends Claim>(facts: Facts<Of>, roots: readonly Of[]): Ours<Of> | undefined {
  const { environment, locks } = facts
  for (const root of roots) {
    const isOurs =
      (environment !== undefined && isMarked(environment, root.mark)) ||
      (locks !== undefined && root.locks !== undefined && carriesLocksMark(locks, root.locks))
    if (isOurs) return { kind: 'ours', root, evidence: 'mark' }
  }
  return undefined
}

/** Only the first member of a group or session creates it. So whoever is in one of ours has come from there. */
function attributeByGroup<Of extends Claim>(record: ProcessRecord, roots: Iterable<Of>): Ours<Of> | undefined {
  for (const root of roots) {
    if (root.groups.has(record.group)) return { kind: 'ours', root, evidence: 'group' }
    if (record.session !== 0 && root.sessions.has(record.session)) return { kind: 'ours', root, evidence: 'session' }
  }
  return undefined
}

/**
 * By its folder and its open files. These are no proof: an editor, an indexer or a debugger looks into the folder, too.
 * They only count for orphans that we have adopted, to choose between our roots, and for processes whose marks cannot
 * be read.
 */
function attributeByFolder<Of extends Claim>(facts: Facts<Of>, roots: readonly Of[]): Ours<Of> | undefined {
  if (!facts.isLocal) return undefined
  for (const root of roots) {
    if (facts.parentage.kind !== 'adopted' && canShowMark(facts, root)) continue
    const { workspace, streams } = root
    const isThere =
      workspace !== undefined &&
      ((facts.cwd !== undefined && isWithin(facts.cwd, workspace)) ||
        facts.files.some((file) => isWithin(file, workspace)))
    if (isThere) return { kind: 'ours', root, evidence: 'workspace' }
    const isConnected = streams !== undefined && facts.files.some((file) => streams.has(file))
    if (isConnected) return { kind: 'ours', root, evidence: 'standard streams' }
  }
  return undefined
}

/** Decides from plain data to which root a process belongs. */
export function attribute<Of extends Claim>(
  record: ProcessRecord,
  facts: Facts<Of>,
  roots: readonly Of[],
): Attribution<Of> {
  const known = attributeKnown(record, roots)
  if (known !== undefined) return known
  const possible = roots.filter(
    (root) => !table.isOlder(record, root.identity) && !(root.leadsGroup && facts.isInOwnSession),
  )
  if (possible.length === 0) return { kind: 'foreign' }
  const { parentage } = facts
  if (parentage.kind === 'ours' && possible.includes(parentage.root)) {
    return { kind: 'ours', root: parentage.root, evidence: 'parent chain' }
  }
  // The marks come first, before anything that a program can choose for itself.
  const proven = attributeByGroup(record, possible) ?? attributeByMark(facts, possible)
  if (proven !== undefined) return proven
  const isAdopted = parentage.kind === 'adopted'
  if (!isAdopted && facts.environment?.length === 0) return { kind: 'unknown' }
  if (facts.isOutside) return { kind: 'foreign' }
  // It is somebody's shell in that folder, or in a pseudo-terminal that is not ours.
  if (record.hasTerminal) return { kind: 'foreign' }
  if (!isAdopted && parentage.kind !== 'orphan') return { kind: 'foreign' }
  const placed = attributeByFolder(facts, possible)
  if (placed !== undefined) return placed
  const isUnreadable = !facts.environment?.length && facts.cwd === undefined && facts.files.length === 0
  return { kind: isAdopted && isUnreadable && facts.isLocal ? 'unknown' : 'unattributed' }
}
