import type { Ours } from './attribute.js'
import { type Evidence, isProof } from './evidence.js'
import type { ChildLedger } from './child-ledger.js'
import { inPassing, type Containment, type KillOutcome, type Sighting, signalTrees } from './containment.js'
import type { Natives } from '../system/syscalls.js'
import { Exempt } from './exempt.js'
import { KillLoop, type Round, type Signalled, type Targets, type AmbiguousOrphan } from './kill-loop.js'
import { every, now, restUntil, sleep } from '../base/clock.js'
import { ChildrenFile, descendantsOf, readStat } from '../system/process-table/linux.js'
import { isZombie, type ProcessRecord } from '../system/process-table/table.js'
import { signalGroup, signalProcess } from '../system/signals.js'
import { flood, reapInterval, type IsWanted, Orphans, type StrictHost } from './orphans.js'
import { Outsiders } from './outsiders.js'
import { remember } from './root.js'
import { reapGroups, stopGroups } from './storm.js'
import { describeBeforeEnd, isGroupGone, isHidden, type Member, toMember, type Tree } from './tree.js'

// The worker is a child subreaper (prctl(2)): whatever is orphaned below it becomes its own child. So its list of
// children, followed down, is complete, whatever a process did to its environment, session, cwd or files. The list may
// miss a child while children come and go (proc(5)), which is why three rounds in a row must be empty.
//
// A program that forks and exits faster than it can be read is only seen as zombies. While it lives, every list
// contains a child that was alive when the list was read. So a round that finds a new zombie is not empty.

/** How many looks in a row must find nothing. */
const emptyRounds = 3
const lookInterval = 10
/** ms within which an orphan that cannot be attributed yet may still show whose it is. */
const decisionTime = 300

interface Look {
  readonly members: Member[]
  readonly unattributed: AmbiguousOrphan[]
  /** Whether something is alive that could not be read. */
  readonly isUncertain: boolean
}

export class StrictContainment implements Containment {
  readonly level = 'strict'
  readonly #natives: Natives
  readonly #ledger: ChildLedger
  readonly #host: StrictHost
  readonly #fixtures = new Set<string>()
  readonly #orphans: Orphans
  readonly #outsiders = new Outsiders()
  #children: ChildrenFile | undefined
  #stopLooking: (() => void) | undefined
  #stopReaping: (() => void) | undefined
  #closeLedger: (() => void) | undefined
  #nextLook = 0
  readonly #kills = new KillLoop({
    emptyRounds,
    burst: 25,
    begin: (trees, exempt) => this.#beginKill(trees, exempt),
    round: (targets) => this.#killRound(targets),
    // A zombie that was never seen alive only proves that there may be more processes: it has no name for the report.
    countsAsKilled: ({ outcome }) => outcome === 'sent',
  })

  constructor(natives: Natives, ledger: ChildLedger, host: StrictHost, strangers: Map<number, number>) {
    this.#natives = natives
    this.#orphans = new Orphans(natives, ledger, host, strangers)
    this.#ledger = ledger
    this.#host = host
  }

  /** Whether this main thread contains the commands of its worker threads. */
  get hostsThreads(): boolean {
    return this.#orphans.hostsThreads
  }
  set hostsThreads(value: boolean) {
    this.#orphans.hostsThreads = value
  }

  enter(fixture: string): void {
    if (this.#fixtures.size === 0) {
      this.#closeLedger = this.#ledger.open()
      this.#children = new ChildrenFile(process.pid, process.pid)
      this.#orphans.open(this.#children.read())
      this.#natives.setSubreaper(true)
      if (this.hostsThreads) this.#stopReaping = every(reapInterval, () => this.#orphans.reapZombies(this.#read()))
    }
    this.#fixtures.add(fixture)
  }

  /** The main thread that hosts worker threads is entered like a fixture, and is none. */
  get #hasFixtures(): boolean {
    return this.#fixtures.size > (this.hostsThreads ? 1 : 0)
  }

  addOutside(name: string): void {
    this.#host.outside.add(name)
  }

  leave(fixture: string): void {
    this.#fixtures.delete(fixture)
    for (const tree of this.#host.trees) if (tree.owner.fixture === fixture) this.remove(tree)
    if (this.#hasFixtures) return
    // The newest orphan may not have been scanned yet.
    this.#round(this.#host.trees, false)
    this.#orphans.endUnattributed()
    if (this.#fixtures.size > 0) return
    this.#natives.setSubreaper(false)
    this.#stopReaping?.()
    this.#closeLedger?.()
    this.#children?.close()
    this.#children = undefined
    this.#outsiders.close()
    this.#orphans.close()
  }

  add(tree: Tree): void {
    this.#host.trees.add(tree)
    this.#orphans.add(tree)
    if (this.hostsThreads) this.#orphans.judgeAnew(tree)
    this.#stopLooking ??= every(lookInterval, () => inPassing(() => this.#sample()))
  }

  remove(tree: Tree): void {
    if (this.#host.trees.delete(tree)) this.#orphans.remove(tree)
  }

  look(trees: readonly Tree[]): Promise<Sighting> {
    const hadFlood = this.#reapGroups() > 0
    const seen = this.#rounds(new Set(trees))
    const unattributed = seen.unattributed.map(({ info }) => info)
    return Promise.resolve({ ...seen, unattributed, isUncertain: seen.isUncertain || hadFlood })
  }

  async kill(trees: readonly Tree[], timeout: number, exempt: readonly Member[] = []): Promise<KillOutcome> {
    for (const { tree } of exempt) this.#orphans.spare(tree)
    const spared = new Exempt(exempt)
    const outcome = await this.#kills.kill(trees, timeout, exempt)
    // In the middle of a fork or an exec a process cannot be attributed, but a moment later it can.
    const deadline = now() + decisionTime
    for (let { unattributed } = outcome; unattributed.length > 0;) {
      if (now() >= deadline) return { ...outcome, unattributed }
      await sleep(10)
      const seen = this.#round(new Set(trees))
      if (!seen.members.every((member) => spared.has(member))) {
        const more = await this.#kills.kill(trees, timeout, exempt)
        return { ...more, killed: [...outcome.killed, ...more.killed] }
      }
      unattributed = seen.unattributed.map(({ info }) => info)
    }
    return { ...outcome, unattributed: [] }
  }

  /** Sends SIGKILL to all known members at once. By rounds alone, each generation of a deep tree would cost one. */
  #beginKill(trees: readonly Tree[], exempt: readonly Member[]): Member[] {
    if (this.#read().length > flood) this.#hold(trees, exempt)
    const first = this.#rounds(new Set(trees))
    if (first.isUncertain) this.#hold(trees, exempt)
    // What is stopped can be read. Otherwise it would die with its group, and nobody could say that it was there.
    const { members } = first.isUncertain ? this.#rounds(new Set(trees)) : first
    const spared = new Exempt(exempt)
    const killed = members.filter((member) => !spared.has(member))
    describeBeforeEnd(killed)
    signalTrees(trees, killed, 'SIGKILL', exempt)
    return killed
  }

  /** Stops the groups, so that they fork no more, and waits for the zombies of a flood without reading them. */
  #hold(trees: readonly Tree[], exempt: readonly Member[]): void {
    stopGroups(trees, exempt, this.#read(), this.#ledger, this.#orphans)
    this.#reapGroups()
  }

  /** In a flood, waits for the zombies of the groups. Returns how many there were. */
  #reapGroups(): number {
    const children = this.#read().length
    return children > flood ? reapGroups(this.#host.trees, this.#ledger, this.#natives, children) : 0
  }

  /** One pass over our children. Sends SIGKILL to those of the targets. Returns the ones that were not dead yet. */
  #killRound(targets: Targets): Round {
    const isTarget = (tree: Tree): boolean => targets.trees.has(tree)
    const signalled: Signalled[] = []
    const ambiguous: ProcessRecord[] = []
    const killedGroups = new Set<Tree>()
    const killGroup = (record: ProcessRecord, tree: Tree, evidence: Evidence): void => {
      if (record.group !== tree.identity.pid || killedGroups.has(tree) || targets.exempt.splits(tree)) return
      const isItsGroup = isProof(evidence) || tree.groups.has(record.group)
      if (isItsGroup && signalGroup(record.group, record, 'SIGKILL') === 'sent') killedGroups.add(tree)
    }
    const kill = (record: ProcessRecord, tree: Tree, evidence: Evidence): void => {
      if (targets.wasSignalled(record)) {
        signalled.push({ record, tree, evidence, outcome: 'sent' })
        return
      }
      // Its whole group is signalled as well, because other members may fork and exit before it is their turn.
      killGroup(record, tree, evidence)
      signalled.push({ record, tree, evidence, outcome: signalProcess(record, 'SIGKILL') })
    }
    const { any } = targets
    const pids = this.#read()
    for (const record of this.#roots(pids, isTarget)) {
      if (isHidden(record)) {
        const tree = this.#treeOfHidden(record, any)
        if (tree === undefined) ambiguous.push(record)
        else if (isTarget(tree)) signalled.push({ record, tree, evidence: 'elimination', outcome: 'forbidden' })
        continue
      }
      const attribution = this.#orphans.attribute(record, !targets.exempt.has(record), isTarget)
      if (isZombie(record)) {
        // In a storm, a process has exited before a signal reaches it. Until this process waits for the zombie, the
        // number of its group belongs to nobody else, so the group can be signalled as a whole.
        if (attribution.kind === 'ours' && targets.trees.has(attribution.root)) {
          killGroup(record, attribution.root, attribution.evidence)
        }
        const isFresh = this.#orphans.takeExit(record, pids.length)
        const tree = attribution.kind === 'ours' ? attribution.root : any
        const mayBeOurs = attribution.kind !== 'foreign' && tree !== undefined && targets.trees.has(tree)
        // The zombie of a process that was signalled is no trace of another one.
        if (isFresh && mayBeOurs && !targets.wasSignalled(record) && !targets.exempt.has(record)) {
          signalled.push({ record, tree, evidence: 'elimination', outcome: 'gone' })
        }
      } else if (attribution.kind === 'ours') {
        if (targets.trees.has(attribution.root) && !targets.exempt.has(record)) {
          kill(record, attribution.root, attribution.evidence)
        }
      } else if (attribution.kind === 'unknown' && any !== undefined) {
        // It is exiting or in the middle of an exec. Its child may come next, so this round is not empty. In a thread
        // there may be another command that is not known here yet.
        if (!this.hostsThreads && this.#isOnlyFixture(any)) kill(record, any, 'elimination')
        else signalled.push({ record, tree: any, evidence: 'elimination', outcome: 'gone' })
      } else if (attribution.kind === 'unattributed') ambiguous.push(record)
    }
    if (signalled.length === 0 && targets.isLast) {
      for (const { record, root, evidence } of this.#outsiders.find(this.#host.trees, isTarget, pids)) {
        if (!targets.exempt.has(record)) kill(record, root, evidence)
      }
    }
    return {
      signalled,
      isUncertain: false,
      unattributed: () => ambiguous.flatMap((record) => this.#orphans.ambiguous(record, isTarget)),
    }
  }

  /** `any` is one of the trees that are asked about. */
  #treeOfHidden(record: ProcessRecord, any: Tree | undefined): Tree | undefined {
    return this.#orphans.rootOf(record.pid) ?? (any !== undefined && this.#isOnlyFixture(any) ? any : undefined)
  }

  #isOnlyFixture({ owner: { fixture } }: Tree): boolean {
    return [...this.#host.trees].every(({ owner }) => owner.fixture === fixture)
  }

  /**
   * Our children, and the leaders that are children of another thread or of their own throw-away parent, without those
   * that are known to belong to no wanted tree.
   */
  *#roots(children: readonly number[], isWanted: IsWanted): Generator<ProcessRecord> {
    yield* this.#orphans.read(children, isWanted)
    for (const tree of this.#host.trees) {
      if (!this.hostsThreads && tree.hasOwnParent !== true) continue
      const { identity } = tree
      if (!isWanted(tree) || children.includes(identity.pid)) continue
      const record = readStat(identity.pid)
      if (record?.startTime === identity.startTime) yield record
    }
  }

  /** Rounds until one finds something or is uncertain, or until enough of them were empty. */
  #rounds(wanted: ReadonlySet<Tree>): Look {
    let seen = this.#round(wanted)
    for (let round = 1; round < emptyRounds; round += 1) {
      if (seen.isUncertain || seen.members.length > 0) break
      seen = this.#round(wanted)
    }
    return seen
  }

  /**
   * One pass over our children and everything below the wanted ones, without a signal. If nothing is decided by it, the
   * newest and the oldest processes of a flood are enough.
   */
  #round(wanted: ReadonlySet<Tree>, decides = true): Look {
    const members: Member[] = []
    const unattributed: AmbiguousOrphan[] = []
    let isUncertain = false
    for (const tree of this.#host.trees) isGroupGone(tree)
    const all = this.#read()
    const pids = decides ? all : this.#edgesOf(all)
    for (const record of this.#roots(pids, (tree) => wanted.has(tree))) {
      if (isHidden(record)) {
        const [any] = wanted
        const tree = this.#treeOfHidden(record, any)
        if (tree === undefined) unattributed.push(...this.#orphans.ambiguous(record, (each) => wanted.has(each)))
        else if (wanted.has(tree)) isUncertain = true
        continue
      }
      const attribution = this.#orphans.attribute(record, false, (tree) => decides && wanted.has(tree))
      if (isZombie(record)) {
        // A process that forks and exits has gone before it can be read. A new zombie is the trace of something alive.
        if (this.#orphans.takeExit(record, pids.length) && attribution.kind !== 'foreign') isUncertain = true
      } else if (attribution.kind === 'ours') {
        if (wanted.has(attribution.root)) this.#collect(record, attribution, members)
      } else if (attribution.kind === 'unattributed') {
        unattributed.push(...this.#orphans.ambiguous(record, (tree) => wanted.has(tree)))
      } else if (attribution.kind === 'unknown') isUncertain = true
    }
    if (decides && members.length === 0 && !isUncertain) {
      const outsiders = this.#outsiders.find(this.#host.trees, (tree) => wanted.has(tree), pids)
      members.push(...outsiders.map(({ record, root, evidence }) => toMember(record, root, evidence)))
    }
    return { members, unattributed, isUncertain }
  }

  /** In a flood, the newest and the oldest children, and every leader. */
  #edgesOf(children: readonly number[]): readonly number[] {
    if (children.length <= 2 * flood) return children
    return children.filter((pid, at) => at < flood || at >= children.length - flood || this.#orphans.isLeaders(pid))
  }

  /** Our children, the newest first: a process that keeps forking is at the end of the list, and soon gone. */
  #read(): number[] {
    return (this.#children?.read() ?? []).toReversed()
  }

  #collect(record: ProcessRecord, { root: tree, evidence }: Ours<Tree>, members: Member[]): void {
    remember(tree, record, evidence)
    members.push(toMember(record, tree, evidence))
    descendantsOf(record, (descendant) => {
      const known = remember(tree, descendant)
      if (!isZombie(descendant)) members.push(toMember(descendant, tree, known.evidence))
    })
  }

  #sample(): void {
    // Not with the last fixture: the next one mostly comes a moment later, and a timer takes longer to make than to keep.
    if (!this.#hasFixtures) {
      this.#stopLooking?.()
      this.#stopLooking = undefined
    }
    if (now() < this.#nextLook || this.#host.trees.size === 0) return
    const begin = now()
    this.#reapGroups()
    this.#round(this.#host.trees, false)
    // Keeps up with a flood of the process table, and still leaves the test most of the time.
    this.#nextLook = restUntil(begin, this.#read().length > flood ? 1 : 19)
  }
}
