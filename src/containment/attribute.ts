import { table } from '../system/process-table/current.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import type { LocksLimit } from '../system/syscalls.js'
import type { Evidence } from './evidence.js'
import { carriesLocksMark } from './locks-mark.js'
import type { KnownProcess, Root } from './root.js'

// Which root a process belongs to. This file reads nothing and remembers nothing: the table of everything that has to be
// distinguished is test/rooms/containment/attribute.test.ts.

/** Where a process stands among the others. */
export type Parentage<Of> =
  /** Its parent lives, and is this root's. */
  | { readonly kind: 'ours'; readonly root: Of }
  /** This process is a subreaper, and has become its parent. */
  | { readonly kind: 'adopted' }
  /** Its parent is the process that adopts orphans. */
  | { readonly kind: 'orphan' }
  /** Its parent lives, and is nobody's of ours. */
  | { readonly kind: 'strangers' }

/** What can be read of one process, beyond its line in the table. */
export interface Facts<Of> {
  readonly parentage: Parentage<Of>
  /** Whether it is in the session of this process. */
  readonly isInOwnSession: boolean
  /** Names and values. Empty in the middle of an exec, and where it was cleared; `undefined` where it cannot be read. */
  readonly environment: readonly string[] | undefined
  readonly locks: LocksLimit | undefined
  /** Whether its environment says that a test of ours has started it by itself. */
  readonly isOutside: boolean
  /** Whether it is this user's, and of this pid namespace. */
  readonly isLocal: boolean
  readonly cwd: string | undefined
  /** The targets of its open files. */
  readonly files: readonly string[]
}

/** What attribution goes by of a root. */
export type Claim = Omit<Root, 'owner' | 'site' | 'isHeld' | 'owns'>

export interface Ours<Of> {
  readonly kind: 'ours'
  readonly root: Of
  readonly evidence: Evidence
}

export type Attribution<Of> =
  | Ours<Of>
  | { readonly kind: 'foreign' }
  /** Nothing speaks for or against it. */
  | { readonly kind: 'unattributed' }
  /** It is exiting, or in the middle of an exec, and could not be read. */
  | { readonly kind: 'unknown' }

/** Whether a path is a folder or in it. */
export const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)

/** What is known of a process, if it was seen below a root. */
function knownOf({ known }: Pick<Claim, 'known'>, record: ProcessIdentity): KnownProcess | undefined {
  const seen = known.get(record.pid)
  return seen !== undefined && table.isSame(seen, record) ? seen : undefined
}

export const isKnown = (root: Pick<Claim, 'known'>, record: ProcessIdentity): boolean =>
  knownOf(root, record) !== undefined

/** By its identity alone: a root itself, or what was seen below it. A guess stays one, however often it is seen. */
export function attributeKnown<Of extends Pick<Claim, 'identity' | 'known'>>(
  record: ProcessRecord,
  roots: Iterable<Of>,
): Ours<Of> | undefined {
  for (const root of roots) {
    if (table.isSame(root.identity, record)) return { kind: 'ours', root, evidence: 'leader' }
    const known = knownOf(root, record)
    if (known !== undefined) return { kind: 'ours', root, evidence: known.evidence }
  }
  return undefined
}

const isMarked = (environment: readonly string[], mark: string): boolean =>
  mark.endsWith('=') ? environment.some((entry) => entry.startsWith(mark)) : environment.includes(mark)

/** A mark can be read, and found missing: of this process, and of this root's. */
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

/** Groups and sessions are made by their first member alone: whoever is in one of ours has come from there. */
function attributeByGroup<Of extends Claim>(record: ProcessRecord, roots: Iterable<Of>): Ours<Of> | undefined {
  for (const root of roots) {
    if (root.groups.has(record.group)) return { kind: 'ours', root, evidence: 'group' }
    if (record.session !== 0 && root.sessions.has(record.session)) return { kind: 'ours', root, evidence: 'session' }
  }
  return undefined
}

/**
 * By where it works and what it holds open. That is no ownership: an editor, an indexer, a debugger look into a folder
 * too. It counts among orphans that we have adopted, to tell one of our roots from the other, and where no mark can be
 * read.
 */
function attributeByPlace<Of extends Claim>(facts: Facts<Of>, roots: readonly Of[]): Ours<Of> | undefined {
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

/** Whose a process is, going by plain data. */
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
  // The marks before everything that a program can take upon itself.
  const proven = attributeByGroup(record, possible) ?? attributeByMark(facts, possible)
  if (proven !== undefined) return proven
  const isAdopted = parentage.kind === 'adopted'
  if (!isAdopted && facts.environment?.length === 0) return { kind: 'unknown' }
  if (facts.isOutside) return { kind: 'foreign' }
  // Somebody's shell that went into the folder, or a pseudo-terminal that is not ours.
  if (record.hasTerminal) return { kind: 'foreign' }
  if (!isAdopted && parentage.kind !== 'orphan') return { kind: 'foreign' }
  const placed = attributeByPlace(facts, possible)
  if (placed !== undefined) return placed
  const isUnreadable = !facts.environment?.length && facts.cwd === undefined && facts.files.length === 0
  return { kind: isAdopted && isUnreadable && facts.isLocal ? 'unknown' : 'unattributed' }
}
