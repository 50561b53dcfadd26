import { attributeKnown } from '../containment/attribute.js'
import type { ChildStart } from '../containment/child-starts.js'
import type { Evidence } from '../containment/evidence.js'
import { table } from '../system/process-table/current.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'
import type { MarkedAs } from './start-marks.js'

// From which start of a test's file a process comes. This file reads nothing and remembers nothing: the table of
// everything that has to be distinguished is test/rooms/guard/origin.test.ts.

/** What a look knows of a process beyond its row of the process table. */
export interface OriginFacts {
  /** Whose child it is. The orphans that the main thread adopts are children of its process, too. */
  readonly child: 'of the process' | 'of this thread' | undefined
  /** Whether it belongs to a fixture's command, or to this package itself. */
  readonly isTaken: boolean
  /** What the mark says that it carries, if it is one of this worker's. */
  readonly mark: MarkedAs | undefined
  /** Whether a process with the mark of the file is an orphan that a test has started. */
  readonly isStray: boolean
}

/** What has to be known of a start. Its identity is unknown until its call has returned. */
export type StartClaim = Pick<ChildStart, 'identity' | 'known' | 'number'>

export type Origin<Of> =
  /** `known`: it is the child itself, or was seen below it. */
  | { readonly kind: 'known' | 'start'; readonly start: Of; readonly evidence: Evidence }
  /** The file has started it, and nothing tells by which start. */
  | { readonly kind: 'file' }
  | { readonly kind: 'foreign' }
  /** A zombie that no start is known for. */
  | { readonly kind: 'gone' }

const file = { kind: 'file' } as const

/** Whether a process can come from a start: it is not older. */
const isPossible = (record: ProcessIdentity, { identity }: StartClaim): boolean =>
  identity !== undefined && !table.isOlder(record, identity)

/**
 * Decides from plain data.
 *
 * @param starts those that are running, or that have left something.
 * @param past those that are over: a mark may still name them, and nothing else does.
 */
export function originOf<Of extends StartClaim>(
  record: ProcessRecord,
  facts: OriginFacts,
  starts: readonly Of[],
  past: ReadonlyMap<number, Of> = new Map(),
): Origin<Of> {
  const known = attributeKnown(record, starts)
  if (known !== undefined) return { kind: 'known', start: known.root, evidence: known.evidence }
  if (isZombie(record)) return { kind: 'gone' }
  if (facts.isTaken) return { kind: 'foreign' }
  const { mark, child } = facts
  if (mark?.kind === 'start') {
    const marked = starts.find(({ number }) => number === mark.number) ?? past.get(mark.number)
    return marked !== undefined && isPossible(record, marked)
      ? { kind: 'start', start: marked, evidence: 'mark' }
      : file
  }
  if (mark?.kind === 'file' && facts.isStray) return file
  // A worker thread adopts no orphans: it has started its own children itself.
  if (child === 'of this thread') return file
  if (child === undefined) return { kind: 'foreign' }
  // If only one start could have made the orphan, it did.
  const possible = starts.filter((start) => isPossible(record, start))
  return possible.length === 1 ? { kind: 'start', start: possible[0]!, evidence: 'elimination' } : file
}
