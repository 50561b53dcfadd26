import { attribute, attributeKnown, type Attribution, type Facts, type Ours } from './attribute.js'
import type { Births } from './child-exits.js'
import {
  inPassing,
  isProof,
  type Containment,
  type KillOutcome,
  type Sighting,
  signalTrees,
  toSurvivor,
} from './containment.js'
import type { Natives } from '../system/syscalls.js'
import { emptyRounds, KillLoop, type Round, type Struck, type Targets, type Untold } from './kill-loop.js'
import { parseMarks } from './marks.js'
import { every, now, pause, sleep, wallClock } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { ChildrenFile, descendantsOf, readStat } from '../system/process-table/linux.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'
import { groupExists, signalGroup, signalProcess } from '../system/signals.js'
import type { Evidence } from './attribute.js'
import { ProcessFacts, type Self } from './facts.js'
import { Outsiders } from './outsiders.js'
import { remember } from './root.js'
import type { Found } from './scan.js'
import { isLeader, type Member, toInfo, toMember, type Tree } from './tree.js'

// The worker is a child subreaper (prctl(2)): whatever is orphaned below it becomes its own child. Its list of
// children, followed down, is therefore complete, whatever a process did to its environment, session, cwd or files.
// The list may miss a child while children come and go (proc(5)): hence three empty rounds.
//
// A program that forks and exits faster than it can be read shows up as zombies only. While it lives, every list holds
// a child that was alive when the list was read: so a round that meets a zombie for the first time is not empty.

const foreign: Attribution<Tree> = { kind: 'foreign' }
const unknown: Attribution<Tree> = { kind: 'unknown' }

const lookInterval = 10
/** A foreign or unknown zombie is waited for only after this many milliseconds: whose child it is may do so first. */
const zombiePatience = 50
/** Above this many children something is flooding the process table, so zombies are reaped at once. */
const flood = 64
/** ms within which an orphan that cannot be attributed may still show whose it is. */
const decisionTime = 300

/** Up to how many members of a tree are asked for their command lines before they are killed. */
const describedAlways = 64

/** Milliseconds by which a start time and our clock may differ: clock ticks are ten long. */
const tolerance = 50

/** A tree that is not looked after any more: what it left unknown may still turn up. */
interface Past {
  readonly fixture: string
  readonly leader: ProcessIdentity
  /** ms since 1970. */
  readonly endedAt: number
}

/** A child of ours that libuv did not start. */
interface Adopted {
  readonly identity: ProcessIdentity
  attribution: Attribution<Tree>
  zombieSince: number | undefined
}

interface Look {
  readonly members: Member[]
  readonly unattributed: Untold[]
  /** Something is alive that could not be read. */
  readonly isUncertain: boolean
}

export interface StrictSurroundings extends Self {
  /** Every tree that lives in this worker. */
  readonly trees: Set<Tree>
  readonly outside: Set<string>
  /** The number of this worker's own guardian, which may be older than the fixtures. */
  readonly guardian: () => number | undefined
}

export class StrictContainment implements Containment {
  readonly level = 'strict'
  readonly #natives: Natives
  readonly #births: Births
  /** Strangers that became our children while an earlier fixture lived: number and start time. */
  readonly #orphans: Map<number, number>
  readonly #around: StrictSurroundings
  readonly #fixtures = new Set<string>()
  /** The trees by the numbers of their leaders. */
  readonly #leaders = new Map<number, Tree>()
  readonly #outsiders = new Outsiders()
  #children: ChildrenFile | undefined
  #adopted = new Map<number, Adopted>()
  #past = new Map<string, Past>()
  #stopLooking: (() => void) | undefined
  #nextLook = 0
  readonly #kills = new KillLoop({
    begin: (trees, spared) => this.#beginKill(trees, spared),
    round: (targets) => this.#killRound(targets),
    toMember: ({ record, tree, evidence }) => toMember(record, tree, evidence),
    toSurvivor: ({ record, tree, evidence, outcome }) => toSurvivor(toMember(record, tree, evidence), outcome),
  })
  /** Whether leaders may be children of other threads than this one. */
  hostsThreads = false

  constructor(natives: Natives, births: Births, around: StrictSurroundings, orphans: Map<number, number>) {
    this.#natives = natives
    this.#orphans = orphans
    this.#births = births
    this.#around = around
  }

  enter(fixture: string): void {
    if (this.#fixtures.size === 0) {
      this.#births.subscribe()
      this.#children = new ChildrenFile(process.pid, process.pid)
      // What is there already is somebody else's, and somebody else waits for it.
      for (const pid of this.#children.read()) {
        const record = pid === this.#around.guardian() ? undefined : readStat(pid)
        if (record === undefined) continue
        const isOrphan = this.#orphans.get(pid) === record.startTime
        const zombieSince = isOrphan ? undefined : Infinity
        this.#adopted.set(pid, { identity: record, attribution: foreign, zombieSince })
      }
      this.#natives.setSubreaper(true)
    }
    this.#fixtures.add(fixture)
  }

  addOutside(name: string): void {
    this.#around.outside.add(name)
  }

  leave(fixture: string): void {
    this.#fixtures.delete(fixture)
    for (const tree of this.#around.trees) if (tree.owner.fixture === fixture) this.remove(tree)
    // When the main thread hosts worker threads it counts as a fixture itself, so "last" means one is left.
    if (this.#fixtures.size > (this.hostsThreads ? 1 : 0)) return
    this.#stopLooking?.()
    this.#stopLooking = undefined
    // The newest orphan may not have been scanned yet.
    this.#round(this.#around.trees, false)
    this.#endUnattributed()
    this.#past = new Map()
    if (this.#fixtures.size > 0) return
    this.#natives.setSubreaper(false)
    this.#births.unsubscribe()
    this.#children?.close()
    this.#children = undefined
    this.#outsiders.close()
    this.#adopted = new Map()
  }

  add(tree: Tree): void {
    this.#around.trees.add(tree)
    this.#leaders.set(tree.identity.pid, tree)
    if (this.hostsThreads) this.#judgeAnew(tree)
    this.#stopLooking ??= every(lookInterval, () => inPassing(() => this.#lookInPassing()))
  }

  /** A thread's command is heard of late: what became a child before that may be its own, and was anybody's until then. */
  #judgeAnew(tree: Tree): void {
    for (const adopted of this.#adopted.values()) {
      const { identity, attribution, zombieSince } = adopted
      const isGuess = attribution.kind === 'ours' ? !isProof(attribution.evidence) : attribution.kind === 'foreign'
      if (isGuess && zombieSince !== Infinity && !table.isOlder(identity, tree.identity)) adopted.attribution = unknown
    }
  }

  remove(tree: Tree): void {
    if (!this.#around.trees.delete(tree)) return
    if (this.#leaders.get(tree.identity.pid) === tree) this.#leaders.delete(tree.identity.pid)
    // One a fixture, from its first command to its last end: a fixture may run thousands.
    const { fixture } = tree.owner
    const before = this.#past.get(fixture)
    const isFirst = before === undefined || tree.identity.startTime < before.leader.startTime
    this.#past.set(fixture, {
      fixture,
      leader: isFirst ? tree.identity : before.leader,
      endedAt: wallClock(),
    })
  }

  look(trees: readonly Tree[]): Promise<Sighting> {
    const wanted = new Set(trees)
    let seen = this.#round(wanted)
    for (let round = 1; round < emptyRounds; round += 1) {
      if (seen.isUncertain || seen.members.length > 0) break
      seen = this.#round(wanted)
    }
    return Promise.resolve({ ...seen, unattributed: seen.unattributed.map(({ info }) => info) })
  }

  async kill(trees: readonly Tree[], timeout: number, spared: readonly Member[] = []): Promise<KillOutcome> {
    const outcome = await this.#kills.kill(trees, timeout, spared)
    // In the middle of a fork or an exec a process cannot be attributed; a moment later it can.
    const deadline = now() + decisionTime
    for (let { unattributed } = outcome; unattributed.length > 0;) {
      if (now() >= deadline) return { ...outcome, unattributed }
      await sleep(10)
      const seen = this.#round(new Set(trees))
      const isSpared = (member: Member): boolean => spared.some((each) => table.isSame(each, member))
      if (!seen.members.every(isSpared)) {
        const more = await this.#kills.kill(trees, timeout, spared)
        return { ...more, killed: [...outcome.killed, ...more.killed] }
      }
      unattributed = seen.unattributed.map(({ info }) => info)
    }
    return { ...outcome, unattributed: [] }
  }

  /** SIGKILLs everything known at once: level by level, a deep tree would take a death per generation. */
  #beginKill(trees: readonly Tree[], spared: readonly Member[]): Member[] {
    const { members } = this.#round(new Set(trees))
    const killed = members.filter((member) => !spared.some((each) => table.isSame(each, member)))
    // The dead have no command line. Of a large tree only who leads a session is asked for it: another proctor's
    // guardian does. A leader is known by what it was started as.
    for (const member of killed) {
      const isAsked = killed.length <= describedAlways || member.session === member.pid
      if (isAsked && member.evidence !== 'leader') member.describe()
    }
    signalTrees(trees, members, 'SIGKILL', spared)
    return killed
  }

  /** One pass over our children: SIGKILLs what is of the targets. Returns what was not dead yet. */
  #killRound(targets: Targets): Round {
    const struck: Struck[] = []
    const untold: ProcessRecord[] = []
    /** The trees whose group a zombie holds. Once a round is enough: a storm leaves thousands of them. */
    const pinned = new Set<Tree>()
    const strikeGroup = (record: ProcessRecord, tree: Tree, evidence: Evidence): void => {
      const isItsGroup = record.group === tree.identity.pid && (isProof(evidence) || tree.groups.has(record.group))
      if (isItsGroup && !targets.isSplit(tree)) signalGroup(record.group, record, 'SIGKILL')
    }
    const strike = (record: ProcessRecord, tree: Tree, evidence: Evidence): void => {
      if (targets.isStruck(record)) {
        struck.push({ record, tree, evidence, outcome: 'sent' })
        return
      }
      // Its whole group with it: the others may have hopped on before their turn comes.
      strikeGroup(record, tree, evidence)
      struck.push({ record, tree, evidence, outcome: signalProcess(record, 'SIGKILL') })
    }
    const { any } = targets
    const pids = this.#read()
    for (const record of this.#roots(pids, (tree) => targets.has(tree))) {
      const attribution = this.#attribute(record, !targets.isSpared(record), (tree) => targets.has(tree))
      if (isZombie(record)) {
        // In a storm whoever is read has exited before a signal reaches it. Until this process waits for the zombie, the
        // number of its group is nobody else's, so the group can be signalled as a whole.
        if (attribution.kind === 'ours' && targets.has(attribution.root) && !pinned.has(attribution.root)) {
          pinned.add(attribution.root)
          strikeGroup(record, attribution.root, attribution.evidence)
        }
        const isFresh = this.#takeExit(record, pids.length)
        const tree = attribution.kind === 'ours' ? attribution.root : any
        const mayBeOurs = attribution.kind !== 'foreign' && tree !== undefined && targets.has(tree)
        // What was struck leaves a zombie, and that is the end of it.
        if (isFresh && mayBeOurs && !targets.isStruck(record)) {
          struck.push({ record, tree, evidence: 'elimination', outcome: 'gone' })
        }
      } else if (attribution.kind === 'ours') {
        if (targets.has(attribution.root) && !targets.isSpared(record)) {
          strike(record, attribution.root, attribution.evidence)
        }
      } else if (attribution.kind === 'unknown' && any !== undefined) {
        // Exiting, or becoming another program: its child may come next, so this round is not empty.
        if (this.#isOnlyFixture(any)) strike(record, any, 'elimination')
        else struck.push({ record, tree: any, evidence: 'elimination', outcome: 'gone' })
      } else if (attribution.kind === 'unattributed') untold.push(record)
    }
    if (struck.length === 0) {
      for (const { record, root, evidence } of this.#outside(pids, (tree) => targets.has(tree))) {
        if (!targets.isSpared(record)) strike(record, root, evidence)
      }
    }
    return {
      struck,
      unattributed: () => untold.flatMap((record) => this.#untold(record, (tree) => targets.has(tree))),
    }
  }

  /** An orphan that nothing attributes, when it may be of one of the wanted. */
  #untold(record: ProcessRecord, isWanted: (tree: Tree) => boolean): Untold[] {
    // Who carries a mark, and none of a tree that lives here, is of a command that somebody else looks after.
    const isMarked = parseMarks(table.environment(record.pid) ?? []).length > 0
    const candidates = isMarked ? [] : this.#candidatesFor(record).filter(isWanted)
    return candidates.length > 0 ? [{ info: toInfo(record), candidates }] : []
  }

  #isOnlyFixture({ owner: { fixture } }: Tree): boolean {
    return [...this.#around.trees].every(({ owner }) => owner.fixture === fixture)
  }

  /**
   * Our children, and the leaders that are another thread's or below a parent of their own, less those that are known to
   * be of no wanted tree.
   */
  *#roots(children: readonly number[], isWanted: (tree: Tree) => boolean): Generator<ProcessRecord> {
    for (const pid of children) {
      if (this.#isOfOthers(pid, isWanted) || this.#isWaitedWith(pid, children.length)) continue
      const record = readStat(pid)
      if (record !== undefined) yield record
    }
    for (const tree of this.#around.trees) {
      if (!this.hostsThreads && tree.hasOwnParent !== true) continue
      const { identity } = tree
      if (!isWanted(tree) || children.includes(identity.pid)) continue
      const record = readStat(identity.pid)
      if (record?.startTime === identity.startTime) yield record
    }
  }

  /**
   * Whether a child need not be looked at again: its number is its own until it is waited for, and that is for libuv,
   * which says so at once, or for us. Two hundred tests at once would read each other's processes in every round.
   */
  #isOfOthers(pid: number, isWanted: (tree: Tree) => boolean): boolean {
    if (pid === this.#around.guardian()) return true
    if (this.#births.has(pid)) {
      const tree = this.#leaders.get(pid)
      return tree === undefined || !isWanted(tree)
    }
    const attribution = this.#adopted.get(pid)?.attribution
    // Another thread waits for its leaders, and node-pty for its programs: they say nothing.
    return attribution?.kind === 'ours' && attribution.evidence !== 'leader' && !isWanted(attribution.root)
  }

  /** One pass over our children and everything below the wanted ones, without a signal. */
  #round(wanted: ReadonlySet<Tree>, decides = true): Look {
    const members: Member[] = []
    const unattributed: Untold[] = []
    let isUncertain = false
    for (const tree of this.#around.trees) {
      if (!tree.groupIsGone && !tree.isHeld()) tree.groupIsGone = !groupExists(tree.identity.pid)
    }
    const pids = this.#read()
    for (const record of this.#roots(pids, (tree) => wanted.has(tree))) {
      const attribution = this.#attribute(record, false, (tree) => decides && wanted.has(tree))
      if (isZombie(record)) {
        // A hopper is gone before it can be read: its zombie, met for the first time, is the trace of something alive.
        if (this.#takeExit(record, pids.length) && attribution.kind !== 'foreign') isUncertain = true
      } else if (attribution.kind === 'ours') {
        if (wanted.has(attribution.root)) this.#collect(record, attribution, members)
      } else if (attribution.kind === 'unattributed') {
        unattributed.push(...this.#untold(record, (tree) => wanted.has(tree)))
      } else if (attribution.kind === 'unknown') isUncertain = true
    }
    if (decides && members.length === 0 && !isUncertain) {
      const outsiders = this.#outside(pids, (tree) => wanted.has(tree))
      members.push(...outsiders.map(({ record, root, evidence }) => toMember(record, root, evidence)))
    }
    return { members, unattributed, isUncertain }
  }

  /** What is of the wanted trees, and no list of children leads to. */
  #outside(children: readonly number[], isWanted: (tree: Tree) => boolean): Found<Tree>[] {
    const trees = [...this.#around.trees]
    const others = trees.filter((tree) => !isWanted(tree))
    const listed = new Set(children)
    return this.#outsiders.find(
      trees.filter(isWanted),
      (pid) => listed.has(pid) || others.some(({ known }) => known.has(pid)),
    )
  }

  /** Our children, the newest first: what hops on is at the end of the list, and not for long. */
  #read(): number[] {
    return (this.#children?.read() ?? []).toReversed()
  }

  /** Whether this is a zombie that somebody else is still given the time to wait for. */
  #isWaitedWith(pid: number, children: number): boolean {
    const since = this.#adopted.get(pid)?.zombieSince
    return since !== undefined && children <= flood && since <= now() && now() - since < zombiePatience
  }

  #collect(record: ProcessRecord, { root: tree, evidence }: Ours<Tree>, members: Member[]): void {
    remember(tree, record)
    members.push(toMember(record, tree, evidence))
    descendantsOf(record, (descendant) => {
      remember(tree, descendant)
      if (!isZombie(descendant)) members.push(toMember(descendant, tree, 'parent chain'))
    })
  }

  #lookInPassing(): void {
    if (now() < this.#nextLook || this.#around.trees.size === 0) return
    const begin = now()
    this.#round(this.#around.trees, false)
    // What floods the table of processes is kept up with, whatever it costs.
    this.#nextLook = this.#read().length > flood ? 0 : begin + 20 * (now() - begin)
  }

  #attribute(record: ProcessRecord, mayStop: boolean, isWanted: (tree: Tree) => boolean): Attribution<Tree> {
    const before = this.#adopted.get(record.pid)
    const isTheSame = before !== undefined && before.identity.startTime === record.startTime
    if (isTheSame && (before.attribution.kind === 'foreign' || before.attribution.kind === 'ours'))
      return before.attribution
    if (!isTheSame && this.#births.has(record.pid)) {
      const tree = this.#leaders.get(record.pid)
      return tree !== undefined && isLeader(tree, record) ? { kind: 'ours', root: tree, evidence: 'leader' } : foreign
    }
    const attribution = this.#judge(record, mayStop, isWanted)
    if (isTheSame) before.attribution = attribution
    else this.#adopted.set(record.pid, { identity: record, attribution, zombieSince: undefined })
    return attribution
  }

  #judge(record: ProcessRecord, mayStop: boolean, isWanted: (tree: Tree) => boolean): Attribution<Tree> {
    const { trees } = this.#around
    const facts = new ProcessFacts<Tree>(record, { kind: 'adopted' }, this.#around)
    const byTable = attributeKnown(record, trees) ?? this.#attributeByGroup(record, facts)
    if (byTable !== undefined) return byTable
    if (record.session === this.#around.session) return foreign
    if (isZombie(record)) return unknown
    // Stop, look, then kill or continue: a child's number cannot be reused before it is waited for, and what is
    // stopped cannot hop on while it is read.
    const isStopped = mayStop && record.state !== 'T' && signalProcess(record, 'SIGSTOP') === 'sent'
    const attribution = this.#eliminate(record, attribute(record, facts, [...trees]), isWanted)
    // Another test's goes on as well.
    const isForKill = attribution.kind === 'ours' && isWanted(attribution.root)
    if (isStopped && !isForKill) signalProcess(record, 'SIGCONT')
    return attribution
  }

  /**
   * An orphan that we have adopted, in a group that was not seen empty in any round so far: a storm in it is ended as a
   * whole, and not read one by one. What the test itself started may have got the number since.
   */
  #attributeByGroup(record: ProcessRecord, facts: Facts<Tree>): Ours<Tree> | undefined {
    const tree = [...this.#around.trees].find((each) => each.identity.pid === record.group && !each.groupIsGone)
    if (tree === undefined || record.startTime < tree.identity.startTime) return undefined
    return tree.isHeld() || !facts.isOutside ? { kind: 'ours', root: tree, evidence: 'group' } : undefined
  }

  /** The commands that could have started a process, going by when. */
  #candidatesFor(record: ProcessIdentity): Tree[] {
    return [...this.#around.trees].filter(({ identity }) => identity.startTime <= record.startTime)
  }

  /** The fixtures that are gone or have commands that are, and that could have started it. */
  #pastFor(record: ProcessIdentity): Past[] {
    const startedAt = table.startedAt(record)
    return [...this.#past.values()].filter(
      ({ leader, endedAt }) => leader.startTime <= record.startTime && startedAt <= endedAt + tolerance,
    )
  }

  /**
   * An orphan that nothing attributes is of the only fixture that could have started it, if there is just one; and of
   * one of its commands only where there is no other, or where all that could have are being ended.
   */
  #eliminate(
    record: ProcessRecord,
    attribution: Attribution<Tree>,
    isWanted: (tree: Tree) => boolean,
  ): Attribution<Tree> {
    if (attribution.kind !== 'unattributed') return attribution
    const candidates = this.#candidatesFor(record)
    const tree = candidates.at(-1)
    if (tree === undefined) return attribution
    const fixtures = [
      ...candidates.map(({ owner }) => owner.fixture),
      ...this.#pastFor(record).map((past) => past.fixture),
    ]
    const isOneFixture = fixtures.every((fixture) => fixture === tree.owner.fixture)
    const isDecided = candidates.length === 1 || candidates.every(isWanted)
    return isOneFixture && isDecided ? { kind: 'ours', root: tree, evidence: 'elimination' } : attribution
  }

  /** Waits for an adopted zombie. A child of libuv's is left to libuv. Whether it is met as a zombie the first time. */
  #takeExit(record: ProcessRecord, children: number): boolean {
    const adopted = this.#adopted.get(record.pid)
    if (adopted === undefined || this.#births.has(record.pid)) return false
    // A leader that another thread's libuv waits for.
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
   * With the last fixture gone, what nothing attributed can only be of a fixture: it is ended. Zombies are waited for
   * now, or they would stay for as long as the worker lives; so would those that live on, so they are remembered.
   */
  #endUnattributed(): void {
    this.#orphans.clear()
    for (const [pid, { identity, attribution, zombieSince }] of this.#adopted) {
      if (zombieSince === Infinity || this.#births.has(pid)) continue
      // Only what a command of ours could have started: the others are the user's own.
      // Who carries a mark is of a command in another thread, of which nothing has been heard here yet.
      const isUnknown = attribution.kind === 'unattributed' && parseMarks(table.environment(pid) ?? []).length === 0
      const mayBeOurs = isUnknown && this.#pastFor(identity).length > 0
      if (mayBeOurs && signalProcess(identity, 'SIGKILL') !== 'gone') {
        for (let round = 0; round < 500 && !this.#natives.takeExit(pid); round += 1) pause(0.2)
        this.#adopted.delete(pid)
      } else if (zombieSince !== undefined && this.#natives.takeExit(pid)) {
        this.#adopted.delete(pid)
      } else {
        this.#orphans.set(pid, identity.startTime)
      }
    }
  }
}
