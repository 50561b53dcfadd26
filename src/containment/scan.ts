import { type Forest, groupByParent } from '../system/forest.js'
import { isZombie, type ProcessRecord } from '../system/process-table/table.js'
import { table } from '../system/process-table/current.js'
import { attribute, attributeKnown, type Claim, isKnown, type Ours } from './attribute.js'
import type { Evidence } from './evidence.js'
import { chainFrom, remember, type Root } from './root.js'
import type { Source } from './source.js'

// Finds all living processes of some roots, in one pass over what a source lists.

/** A process of a root. */
export interface Found<Of> {
  readonly record: ProcessRecord
  readonly root: Of
  readonly evidence: Evidence
}

export interface Scan<Of> {
  /** The living ones, without zombies. */
  readonly members: readonly Found<Of>[]
  /** Orphans that may belong to anybody. */
  readonly unattributed: readonly ProcessRecord[]
  /** Whether something is alive that cannot be attributed now. */
  readonly isUncertain: boolean
  /** Processes that were first seen as zombies. They were alive a moment ago, and may have started something. */
  readonly traces: readonly Found<Of>[]
}

/** A root in a scan, with the groups and sessions that belong to it. */
interface Scanned<Of> extends Claim {
  readonly of: Of
  readonly groups: Set<number>
  readonly sessions: Set<number>
}

/** A scan under way: what it has found so far, and the groups and sessions that belong to it. */
class Pass<Of extends Root> {
  readonly found = new Map<number, Found<Of>>()
  readonly claims: readonly Scanned<Of>[]
  readonly traces: Found<Of>[] = []
  readonly #forest: Forest

  constructor(records: ReadonlyMap<number, ProcessRecord>, roots: readonly Of[]) {
    this.claims = roots.map((of) => {
      const { identity, mark, locks, leadsGroup, workspace, streams, known } = of
      return {
        of,
        identity,
        mark,
        locks,
        leadsGroup,
        workspace,
        streams,
        known,
        groups: new Set(),
        sessions: new Set(),
      }
    })
    this.#forest = groupByParent(records.values())
  }

  /** Adds a process and everything that it has started. The chain of parents is a proof as long as they are alive. */
  include(record: ProcessRecord, { root: claim, evidence }: Ours<Scanned<Of>>): void {
    if (this.found.has(record.pid) || record.pid === process.pid) return
    const isFresh = !isKnown(claim, record)
    const known = remember(claim, record, evidence)
    const found = { record, root: claim.of, evidence: known.evidence }
    this.found.set(record.pid, found)
    if (isZombie(record) && isFresh && evidence !== 'leader') this.traces.push(found)
    // The number of a group or session is not given to a stranger before its last member has gone, even if that is a
    // zombie.
    const { of: root } = claim
    if (!claim.groups.has(record.group) && root.owns('group', known)) claim.groups.add(record.group)
    if (!claim.sessions.has(record.session) && root.owns('session', known)) claim.sessions.add(record.session)
    for (const child of this.#forest.get(record.pid) ?? []) {
      this.include(child, { kind: 'ours', root: claim, evidence: chainFrom(known) })
    }
  }
}

/** Finds everything of these roots. */
export async function scan<Of extends Root>(source: Source, roots: readonly Of[]): Promise<Scan<Of>> {
  const records = await source.read(roots)
  const pass = new Pass(records, roots)
  const { claims, found } = pass
  for (const record of records.values()) {
    const known = attributeKnown(record, claims)
    if (known !== undefined) pass.include(record, known)
  }
  const oldest = Math.min(...roots.map(({ identity }) => identity.startTime))
  const others = [...records.values()].flatMap((record) => {
    if (record.pid === process.pid || table.isOlder(record, { startTime: oldest })) return []
    return [{ record, facts: source.facts<Scanned<Of>>(record, source.parentage(record)) }]
  })
  let unattributed: ProcessRecord[] = []
  let isUncertain = false
  // Each process that is found may lead to others, through its group or session.
  for (let before = -1; before !== found.size;) {
    before = found.size
    unattributed = []
    isUncertain = false
    for (const { record, facts } of others) {
      if (found.has(record.pid)) continue
      const attribution = attribute(record, facts, claims)
      if (attribution.kind === 'ours') pass.include(record, attribution)
      else if (isZombie(record)) continue
      else if (attribution.kind === 'unattributed') unattributed.push(record)
      else if (attribution.kind === 'unknown') isUncertain ||= source.isDoubtful(record)
    }
  }
  const members = [...found.values()].filter(({ record }) => !isZombie(record))
  const { traces } = pass
  return { members, unattributed, isUncertain, traces }
}
