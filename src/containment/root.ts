import { table } from '../system/process-table/current.js'
import { holderOf } from '../system/process-table/holder.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import { type Evidence, isProof } from './evidence.js'

/** A process that was seen below a root, and where it was then. */
export interface KnownProcess extends ProcessIdentity {
  readonly group: number
  readonly session: number
  /** How it was found. A guess never replaces a proof, and looking again does not turn a guess into a proof. */
  readonly evidence: Evidence
}

/** Whether this process proves to whom its group belongs. A session that it leads is its own in any case. */
export const isProven = ({ evidence, session, pid }: Omit<KnownProcess, 'startTime'>): boolean =>
  session === pid || isProof(evidence)

/** The numbers of the groups, or sessions, that are a root's own at this moment. */
export type OwnNumbers = Pick<ReadonlySet<number>, 'has'>

/** On whose behalf a root was started. */
export type Owner =
  /** A command of a fixture, by its number there. */
  | { readonly kind: 'command'; readonly fixture: string; readonly number: number }
  /** Something that a test or its file started by itself. The starts are numbered. */
  | { readonly kind: 'child'; readonly number: number }
  /** A whole worker, for what runs after its death. */
  | { readonly kind: 'worker' }

/** The names of streams, as /proc/PID/fd shows them. */
export interface StreamNames extends Iterable<string> {
  has(name: string): boolean
}

/** Something that was started, with everything that it starts in turn. */
export interface Root {
  readonly identity: ProcessIdentity
  /** `NAME=value`, as in its environment. `NAME=` alone matches any value. */
  readonly mark: string
  /** The soft limit RLIMIT_LOCKS that it was given, if any. */
  readonly locks: bigint | undefined
  readonly owner: Owner
  /** The call that started it, if anybody needs to know. */
  readonly site?: { readonly stack?: string }
  /** Whether it leads its own group and session. */
  readonly leadsGroup: boolean
  /** A real path. Undefined if it has no workspace of its own. */
  readonly workspace?: string | undefined
  /** Its own standard streams. */
  readonly streams?: StreamNames
  /**
   * The session of the worker that started it, if that is not this process; 0 if it is unknown. The runner is in the
   * same session, and perhaps a user's shell, so a group in it does not belong to a root.
   */
  readonly workerSession?: number | undefined
  /** Whether nobody has waited for it yet. Until then its pid, and the number of its group, are its own. */
  isHeld(): boolean
  /** Every process ever seen below it, by pid. */
  readonly known: Map<number, KnownProcess>
  /** A number is its own while nobody has waited for its leader, or while somebody seen in it before is still in it. */
  readonly groups: OwnNumbers
  readonly sessions: OwnNumbers
  /** Whether the group or session of one of its processes was made below it. */
  owns(which: Membership, process: KnownProcess): boolean
}

/** What `track` adds to a root. */
export type Tracked = 'known' | 'groups' | 'sessions' | 'owns'

let ownSessionRead: number | undefined

/** The session of this process, or 0 if it is unknown. */
export const ownSession = (): number => (ownSessionRead ??= table.identify(process.pid)?.session ?? 0)

/** Begins to keep track of what is below a root. The object itself becomes the tracked root. */
export function track<Of extends Omit<Root, Tracked>>(root: Of): Of & Pick<Root, Tracked> {
  const known = new KnownProcesses(root)
  const ownNumbers = (which: Membership): OwnNumbers => ({
    has: (number) => (root.leadsGroup && number === root.identity.pid && root.isHeld()) || known.inhabit(which, number),
  })
  const owns = (which: Membership, process: KnownProcess): boolean => known.isOwn(which, process)
  return Object.assign(root, { known, owns, groups: ownNumbers('group'), sessions: ownNumbers('session') })
}

type Membership = 'group' | 'session'

/** How many members of a group, the newest ones, are asked whether they are still in it. In a storm most have gone. */
const mostWitnesses = 3

/** What was ever seen below a root, and who was last seen in which group of its own. */
class KnownProcesses extends Map<number, KnownProcess> {
  readonly #root: Omit<Root, Tracked>
  readonly #witnesses = { group: new Map<number, KnownProcess[]>(), session: new Map<number, KnownProcess[]>() }

  constructor(root: Omit<Root, Tracked>) {
    super()
    this.#root = root
  }

  override set(pid: number, process: KnownProcess): this {
    super.set(pid, process)
    for (const which of ['group', 'session'] as const) {
      if (this.isOwn(which, process)) this.#note(which, process)
    }
    return this
  }

  /**
   * Whether the group or session of a process of the root was made below the root. Groups and sessions are inherited:
   * what a test starts without `detached` is in the group of the test runner. And a guess proves nothing about others
   * in its group.
   */
  isOwn(which: Membership, process: KnownProcess): boolean {
    if (!isProven(process)) return false
    const { identity, leadsGroup, workerSession = ownSession() } = this.#root
    const maker = process[which]
    const seen = this.get(maker)
    if ((seen !== undefined && isProven(seen)) || (leadsGroup && maker === identity.pid)) return true
    // A leader that nobody has seen and that has gone was a process of the root, because nobody enters a session from
    // outside. The worker's own session is the exception: there it can have been anybody.
    const isOutside = workerSession !== 0 && process.session !== 0 && process.session !== workerSession
    return isOutside && table.identify(maker) === undefined
  }

  #note(which: Membership, process: KnownProcess): void {
    const before = this.#witnesses[which].get(process[which]) ?? []
    if (before[0]?.pid === process.pid && before[0].startTime === process.startTime) return
    const others = before.filter(({ pid }) => pid !== process.pid)
    this.#witnesses[which].set(process[which], [process, ...others].slice(0, mostWitnesses))
  }

  /** Whether a process that was seen in a group or session is still in it. A zombie keeps its number, too. */
  inhabit(which: Membership, number: number): boolean {
    return (this.#witnesses[which].get(number) ?? []).some((witness) => holderOf(witness)?.[which] === number)
  }
}

/** A chain of parents proves as much as its first link does. */
export const chainFrom = (parent: KnownProcess | undefined): Evidence =>
  parent === undefined || isProof(parent.evidence) ? 'parent chain' : parent.evidence

/** Records that a process was seen below a root. Without `evidence`, a chain of parents has led to it. */
export function remember(
  { known }: Pick<Root, 'known'>,
  { pid, startTime, ppid, group, session }: ProcessRecord,
  evidence: Evidence = chainFrom(known.get(ppid)),
): KnownProcess {
  const before = known.get(pid)
  const wasProven = before?.startTime === startTime && isProof(before.evidence)
  const process = {
    pid,
    startTime,
    group,
    session,
    evidence: wasProven && !isProof(evidence) ? before.evidence : evidence,
  }
  known.set(pid, process)
  return process
}
