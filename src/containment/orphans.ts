import { attribute, attributeKnown, type Attribution, type Ours } from './attribute.js'
import { isProof } from './evidence.js'
import type { ChildLedger } from './child-ledger.js'
import type { Natives } from '../system/syscalls.js'
import type { AmbiguousOrphan } from './kill-loop.js'
import { carriesLocksMark, readLocksMark } from './locks-mark.js'
import { hasMark } from './marks.js'
import { now, pause, wallClock } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { readStat } from '../system/process-table/linux.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'
import { hasHolder, signalProcess } from '../system/signals.js'
import { ProcessFacts, type Self } from './facts.js'
import { execTime } from './source.js'
import { hiddenChild, isHidden, isLeader, toInfo, type Tree } from './tree.js'

// Decides for each child of a subreaper to which tree it belongs, and who waits for it. A child that libuv did not start is
// an orphan from somewhere below. This is the only place that waits for such children.

const foreign: Attribution<Tree> = { kind: 'foreign' }
const unknown: Attribution<Tree> = { kind: 'unknown' }

/** Above this many children something is flooding the process table, so zombies are reaped at once. */
export const flood = 64
/** A foreign or unknown zombie is only waited for after this many ms, because its actual parent may want to do that. */
const zombiePatience = 50
/** ms between two calls of `reapZombies`. */
export const reapInterval = 250
/** How far (ms) a start time may be from our clock: a clock tick is 10 ms. */
const tolerance = 50

/** A fixture with commands that have ended: processes of theirs that nobody knew of may still turn up. */
interface Past {
  readonly fixture: string
  readonly leader: ProcessIdentity
  /** ms since 1970. */
  readonly endedAt: number
}

/** A child of this process that libuv did not start. */
interface Adopted {
  readonly identity: ProcessIdentity
  attribution: Attribution<Tree>
  zombieSince: number | undefined
}

export interface StrictHost extends Self {
  /** All living trees of this worker. */
  readonly trees: Set<Tree>
  readonly outside: Set<string>
  /** The second marks of ended trees of which an allowed process lives on. */
  readonly spared: Set<bigint>
  /** The pid of this worker's own guardian, which may be older than the fixtures. */
  readonly guardian: () => number | undefined
}

/** Whether the caller asks for a tree. */
export type IsWanted = (tree: Tree) => boolean

export class Orphans {
  /** Whether leaders may be children of other threads, about which this one learns late. */
  hostsThreads = false
  readonly #natives: Natives
  readonly #ledger: ChildLedger
  readonly #host: StrictHost
  /** Strangers that became our children while an earlier fixture lived: pid and start time. */
  readonly #strangers: Map<number, number>
  /** The trees by the pids of their leaders. */
  readonly #leaders = new Map<number, Tree>()
  readonly #adopted = new Map<number, Adopted>()
  readonly #past = new Map<string, Past>()
  /** Children that were there first and that /proc did not show. */
  readonly #hiddenStrangers = new Set<number>()

  constructor(natives: Natives, ledger: ChildLedger, host: StrictHost, strangers: Map<number, number>) {
    this.#natives = natives
    this.#ledger = ledger
    this.#host = host
    this.#strangers = strangers
  }

  /** Notes the children that are already there. They belong to somebody else, who waits for them. */
  open(children: readonly number[]): void {
    for (const pid of children) {
      const record = pid === this.#host.guardian() ? undefined : readStat(pid)
      if (record === undefined) {
        this.#hiddenStrangers.add(pid)
        continue
      }
      const isStranger = this.#strangers.get(pid) === record.startTime
      const zombieSince = isStranger ? undefined : Infinity
      this.#adopted.set(pid, { identity: record, attribution: foreign, zombieSince })
    }
  }

  close(): void {
    this.#adopted.clear()
    this.#hiddenStrangers.clear()
  }

  add(tree: Tree): void {
    this.#leaders.set(tree.identity.pid, tree)
  }

  /**
   * Judges guesses again. This thread learns late about another thread's command, whose children it may have guessed
   * at.
   */
  judgeAnew(tree: Tree): void {
    for (const adopted of this.#adopted.values()) {
      const { identity, attribution, zombieSince } = adopted
      const isGuess = attribution.kind === 'ours' ? !isProof(attribution.evidence) : attribution.kind === 'foreign'
      if (isGuess && zombieSince !== Infinity && !table.isOlder(identity, tree.identity)) adopted.attribution = unknown
    }
  }

  remove(tree: Tree): void {
    if (this.#leaders.get(tree.identity.pid) === tree) this.#leaders.delete(tree.identity.pid)
    // One entry for each fixture, from its first start to its last end, because a fixture may run thousands of
    // commands.
    const { fixture } = tree.owner
    const before = this.#past.get(fixture)
    const isFirst = before === undefined || tree.identity.startTime < before.leader.startTime
    this.#past.set(fixture, {
      fixture,
      leader: isFirst ? tree.identity : before.leader,
      endedAt: wallClock(),
    })
  }

  isLeaders(pid: number): boolean {
    return this.#leaders.has(pid)
  }

  /**
   * The tree of an orphan that was attributed before. Its pid is its own until this class waits for it. Other threads
   * wait for their leaders, and node-pty for its programs, without announcing it.
   */
  rootOf(pid: number): Tree | undefined {
    const attribution = this.#adopted.get(pid)?.attribution
    return attribution?.kind === 'ours' && attribution.evidence !== 'leader' ? attribution.root : undefined
  }

  /**
   * Whether a child need not be read again. libuv announces at once for whom it has waited. Without this, two hundred
   * tests would read each other's processes in every round.
   */
  #isOfOthers(pid: number, isWanted: IsWanted): boolean {
    if (pid === this.#host.guardian()) return true
    if (this.#ledger.has(pid)) {
      const tree = this.#leaders.get(pid)
      return tree === undefined || !isWanted(tree)
    }
    const root = this.rootOf(pid)
    return root !== undefined && !isWanted(root)
  }

  /** Whether a process is a zombie that somebody else may still wait for. */
  #isWaitedWith(pid: number, children: number): boolean {
    const since = this.#adopted.get(pid)?.zombieSince
    return since !== undefined && children <= flood && since <= now() && now() - since < zombiePatience
  }

  /** Reads the children, except those that need not be read, or not yet. */
  *read(children: readonly number[], isWanted: IsWanted): Generator<ProcessRecord> {
    for (const pid of children) {
      if (this.#isOfOthers(pid, isWanted) || this.#isWaitedWith(pid, children.length)) continue
      const record = readStat(pid)
      if (record !== undefined) yield record
      else if (this.#isHidden(pid)) yield hiddenChild(pid)
    }
  }

  /**
   * Waits for zombies while no command is alive whose looks would. A main thread is the subreaper as long as its worker
   * threads live. What is orphaned there without strict containment becomes its child, and not init's.
   */
  reapZombies(children: readonly number[]): void {
    if (this.#host.trees.size > 0) return
    const isWanted = (): boolean => true
    for (const record of this.read(children, isWanted)) {
      if (!isZombie(record)) continue
      this.attribute(record, false, isWanted)
      this.takeExit(record, children.length)
    }
  }

  /**
   * Whether a child exists of which nothing can be read: with hidepid, /proc hides other users' processes. If it has
   * exited it is waited for, because nobody else does. The children of worker threads are not in the list.
   */
  #isHidden(pid: number): boolean {
    if (this.#ledger.has(pid) || this.#hiddenStrangers.has(pid) || !hasHolder(pid)) return false
    return !this.#natives.takeExit(pid)
  }

  /** @param mayStop whether the process may be stopped while it is read. */
  attribute(record: ProcessRecord, mayStop: boolean, isWanted: IsWanted): Attribution<Tree> {
    const before = this.#adopted.get(record.pid)
    const isTheSame = before !== undefined && before.identity.startTime === record.startTime
    if (isTheSame && (before.attribution.kind === 'foreign' || before.attribution.kind === 'ours'))
      return before.attribution
    if (!isTheSame && this.#ledger.has(record.pid)) {
      const tree = this.#leaders.get(record.pid)
      return tree !== undefined && isLeader(tree, record) ? { kind: 'ours', root: tree, evidence: 'leader' } : foreign
    }
    const attribution = this.#judge(record, mayStop, isWanted)
    if (isTheSame) before.attribution = attribution
    else this.#adopted.set(record.pid, { identity: record, attribution, zombieSince: undefined })
    return attribution
  }

  #judge(record: ProcessRecord, mayStop: boolean, isWanted: IsWanted): Attribution<Tree> {
    const { trees } = this.#host
    const byTable = attributeKnown(record, trees) ?? this.attributeByGroup(record)
    if (byTable !== undefined) return byTable
    if (record.session === this.#host.session) return foreign
    if (isZombie(record)) return unknown
    const facts = new ProcessFacts<Tree>(record, { kind: 'adopted' }, this.#host)
    // Stop the process, read it, then kill or continue it. A child's pid cannot be reused before it is waited for, and a
    // stopped process cannot fork and exit while it is read.
    const isStopped = mayStop && record.state !== 'T' && signalProcess(record, 'SIGSTOP') === 'sent'
    const attribution = this.#eliminate(record, attribute(record, facts, [...trees]), isWanted)
    // A process of another test is continued, too.
    const isForKill = attribution.kind === 'ours' && isWanted(attribution.root)
    if (isStopped && !isForKill) signalProcess(record, 'SIGCONT')
    return attribution
  }

  /**
   * Attributes an adopted orphan in a group that was seen in every round so far. A storm in such a group is ended as a
   * whole, without reading its members one by one. What the test itself started may have got the number since.
   */
  attributeByGroup(record: ProcessRecord): Ours<Tree> | undefined {
    const tree = [...this.#host.trees].find((each) => each.identity.pid === record.group && !each.groupIsGone)
    if (tree === undefined || record.startTime < tree.identity.startTime) return undefined
    // A zombie has no environment any more, but it is in the group that it inherited or made.
    const isOutside = (): boolean => new ProcessFacts<Tree>(record, { kind: 'adopted' }, this.#host).isOutside
    const isItsOwn = tree.isHeld() || isZombie(record) || !isOutside()
    return isItsOwn ? { kind: 'ours', root: tree, evidence: 'group' } : undefined
  }

  /**
   * Called when only allowed processes of a tree live on. What carries the tree's mark once it is no longer known has
   * come from them.
   */
  spare({ locks }: Tree): void {
    if (locks !== undefined) this.#host.spared.add(locks)
  }

  #isSpared({ pid }: ProcessRecord): boolean {
    const limit = this.#host.spared.size > 0 ? readLocksMark(pid) : undefined
    return limit !== undefined && [...this.#host.spared].some((mark) => carriesLocksMark(limit, mark))
  }

  /**
   * The commands that could have started a process, by their start times. The start time of a hidden process is
   * unknown.
   */
  #candidatesFor(record: ProcessRecord): Tree[] {
    return [...this.#host.trees].filter(({ identity }) => isHidden(record) || identity.startTime <= record.startTime)
  }

  /** The fixtures with ended commands that could have started a process. */
  #pastFor(record: ProcessIdentity): Past[] {
    const startedAt = table.startedAt(record)
    return [...this.#past.values()].filter(
      ({ leader, endedAt }) => leader.startTime <= record.startTime && startedAt <= endedAt + tolerance,
    )
  }

  /**
   * Whether a process carries the mark of a command that is unknown here: one of another thread, about which nothing
   * has arrived yet, or one of somebody else. In the middle of an exec it shows no mark.
   */
  #mayBeOfUnheard(identity: ProcessIdentity): boolean {
    const environment = table.environment(identity.pid) ?? []
    if (hasMark(environment)) return true
    const isInExec = environment.length === 0 && wallClock() - table.startedAt(identity) < execTime
    return this.hostsThreads && isInExec
  }

  /**
   * Attributes an orphan by elimination. If only one fixture could have started it, it belongs to that one. It only
   * belongs to a certain command if there is no other, or if all commands that could have started it are being ended.
   */
  #eliminate(record: ProcessRecord, attribution: Attribution<Tree>, isWanted: IsWanted): Attribution<Tree> {
    if (attribution.kind !== 'unattributed') return attribution
    if (this.#isSpared(record)) return foreign
    const candidates = this.#candidatesFor(record)
    const tree = candidates.at(-1)
    if (tree === undefined || this.#mayBeOfUnheard(record)) return attribution
    const fixtures = [
      ...candidates.map(({ owner }) => owner.fixture),
      ...this.#pastFor(record).map((past) => past.fixture),
    ]
    const isOneFixture = fixtures.every((fixture) => fixture === tree.owner.fixture)
    const isDecided = candidates.length === 1 || candidates.every(isWanted)
    return isOneFixture && isDecided ? { kind: 'ours', root: tree, evidence: 'elimination' } : attribution
  }

  /** Reports an orphan that nothing attributes, if it may belong to a wanted tree. */
  ambiguous(record: ProcessRecord, isWanted: IsWanted): AmbiguousOrphan[] {
    // An orphan with a mark of no tree here belongs to a command of somebody else.
    const candidates = hasMark(table.environment(record.pid) ?? []) ? [] : this.#candidatesFor(record).filter(isWanted)
    return candidates.length > 0 ? [{ info: toInfo(record), candidates }] : []
  }

  /**
   * Waits for an adopted zombie, unless libuv does. Returns whether this is the first time that it is seen as a zombie.
   */
  takeExit(record: ProcessRecord, children: number): boolean {
    const adopted = this.#adopted.get(record.pid)
    if (adopted === undefined || this.#ledger.has(record.pid)) return false
    // It is a leader that another thread's libuv waits for.
    if (adopted.attribution.kind === 'ours' && adopted.attribution.evidence === 'leader') return false
    const isFresh = adopted.zombieSince === undefined
    adopted.zombieSince ??= now()
    const { kind } = adopted.attribution
    const isDue =
      kind === 'ours' || (kind === 'unknown' && children > flood) || now() - adopted.zombieSince >= zombiePatience
    if (isDue && this.#natives.takeExit(record.pid)) this.#adopted.delete(record.pid)
    return isFresh
  }

  /**
   * Ends what nothing attributed, once the last fixture is gone: it can only belong to a fixture. Zombies are waited
   * for now, because otherwise they would stay as long as the worker. Those that live on are remembered, for the same
   * reason.
   */
  endUnattributed(): void {
    this.#strangers.clear()
    for (const [pid, { identity, attribution, zombieSince }] of this.#adopted) {
      if (zombieSince === Infinity || this.#ledger.has(pid)) continue
      const isUnheard = this.#mayBeOfUnheard(identity)
      if (isUnheard && this.hostsThreads) continue
      // Only what a command of ours could have started. Everything else is the user's own.
      const mayBeOurs = attribution.kind === 'unattributed' && !isUnheard && this.#pastFor(identity).length > 0
      if (mayBeOurs && signalProcess(identity, 'SIGKILL') !== 'gone') {
        for (let round = 0; round < 500 && !this.#natives.takeExit(pid); round += 1) pause(0.2)
        this.#adopted.delete(pid)
      } else if (zombieSince !== undefined && this.#natives.takeExit(pid)) {
        this.#adopted.delete(pid)
      } else {
        this.#strangers.set(pid, identity.startTime)
      }
    }
    this.#past.clear()
  }
}
