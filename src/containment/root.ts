import { table } from '../system/process-table/current.js'
import { holderOf } from '../system/process-table/holder.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import { type Evidence, isProof } from './evidence.js'

/** A process that was seen below a root, and where it was then. */
export interface KnownProcess extends ProcessIdentity {
  readonly group: number
  readonly session: number
  /** How it was found. No guess takes the place of a proof, and a second look makes no proof of a guess. */
  readonly evidence: Evidence
}

/** Whether it proves of its group whose that is. A session that it leads is its own in any case. */
export const isProven = ({ evidence, session, pid }: Omit<KnownProcess, 'startTime'>): boolean =>
  session === pid || isProof(evidence)

/** The numbers of groups, or of sessions, that are a root's own at this moment. */
export type OwnNumbers = Pick<ReadonlySet<number>, 'has'>

/** On whose behalf a root was started. */
export type Owner =
  /** A fixture's command, by its number there. */
  | { readonly kind: 'command'; readonly fixture: string; readonly number: number }
  /** What a test, or its file, started by itself, in the order of the starts. */
  | { readonly kind: 'child'; readonly number: number }
  /** A whole worker, for what runs after its death. */
  | { readonly kind: 'worker' }

/** Something that was started, with everything that it starts in its turn. */
export interface Root {
  readonly identity: ProcessIdentity
  /** `NAME=value`, as it stands in its environment. `NAME=` alone is met by every value. */
  readonly mark: string
  /** The soft limit RLIMIT_LOCKS that it was given, if it was. */
  readonly locks: bigint | undefined
  readonly owner: Owner
  /** The call that started it, where somebody asks for it. */
  readonly site?: { readonly stack?: string }
  /** Whether it leads a group and a session of its own. */
  readonly leadsGroup: boolean
  /** Real path. Undefined where it has none of its own. */
  readonly workspace?: string | undefined
  /** The inodes of its own standard streams. */
  readonly streams?: ReadonlySet<string>
  /**
   * The session of the worker that started it, where that is not this process; 0 where it is not known. Its runner is in
   * it, and perhaps a user's shell: no group in it is a root's for being there.
   */
  readonly workerSession?: number | undefined
  /** Whether nobody has waited for it yet: until then its number, and its group's, are its own. */
  isHeld(): boolean
  /** Every process ever seen below it, by number. */
  readonly known: Map<number, KnownProcess>
  /** A number is its own while its leader is not waited for, or while somebody seen in it before is still in it. */
  readonly groups: OwnNumbers
  readonly sessions: OwnNumbers
  /** Whether the group, or the session, that one of its processes is in was made below it. */
  owns(which: Membership, process: KnownProcess): boolean
}

/** What `track` adds to a root. */
export type Tracked = 'known' | 'groups' | 'sessions' | 'owns'

let ownSessionRead: number | undefined

/** The session that this process is in, or 0 where that is not known. */
export const ownSession = (): number => (ownSessionRead ??= table.identify(process.pid)?.session ?? 0)

/** Begins to keep track of what is below a root. */
export function track<Of extends Omit<Root, Tracked>>(root: Of): Of & Pick<Root, Tracked> {
  const known = new KnownProcesses(root)
  const ownNumbers = (which: Membership): OwnNumbers => ({
    has: (number) => (root.leadsGroup && number === root.identity.pid && root.isHeld()) || known.inhabit(which, number),
  })
  const owns = (which: Membership, process: KnownProcess): boolean => known.isOwn(which, process)
  return { ...root, known, owns, groups: ownNumbers('group'), sessions: ownNumbers('session') }
}

type Membership = 'group' | 'session'

/** How many of a group's members, the newest, are asked for whether they are still in it: in a storm most have gone. */
const mostWitnesses = 3

/** What was ever seen below a root, and who is last known to have been in which group of its own. */
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
   * Whether the group, or the session, that a process of the root is in was made below the root. Groups and sessions are
   * inherited: what a test starts without `detached` is in the group of the test's runner. And a guess proves nothing of
   * the others in its group.
   */
  isOwn(which: Membership, process: KnownProcess): boolean {
    if (!isProven(process)) return false
    const { identity, leadsGroup, workerSession = ownSession() } = this.#root
    const maker = process[which]
    const seen = this.get(maker)
    if ((seen !== undefined && isProven(seen)) || (leadsGroup && maker === identity.pid)) return true
    // A leader that nobody has seen and that has gone was a process of the root, as nobody comes into a session from
    // outside. The worker's own session is the exception: in that one it can have been anybody.
    const isOutside = workerSession !== 0 && process.session !== 0 && process.session !== workerSession
    return isOutside && table.identify(maker) === undefined
  }

  #note(which: Membership, process: KnownProcess): void {
    const before = this.#witnesses[which].get(process[which]) ?? []
    if (before[0]?.pid === process.pid && before[0].startTime === process.startTime) return
    const others = before.filter(({ pid }) => pid !== process.pid)
    this.#witnesses[which].set(process[which], [process, ...others].slice(0, mostWitnesses))
  }

  /** Whether one that was seen in a group, or a session, is still in it. A zombie keeps its number too. */
  inhabit(which: Membership, number: number): boolean {
    return (this.#witnesses[which].get(number) ?? []).some((witness) => holderOf(witness)?.[which] === number)
  }
}

/** A chain of parents proves as much as its first link does. */
export const chainFrom = (parent: KnownProcess | undefined): Evidence =>
  parent === undefined || isProof(parent.evidence) ? 'parent chain' : parent.evidence

/** Records that a process was seen below a root. Without `evidence` its chain of parents has led there. */
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
