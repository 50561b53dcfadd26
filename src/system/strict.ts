import {
  attributeByEvidence,
  attributeByTable,
  type Attribution,
  foreign,
  type Ours,
  type Surroundings,
  unknown,
} from './attribution.js'
import type { Births } from './births.js'
import {
  type Containment,
  type KillOutcome,
  type Sighting,
  signalTrees,
  type Survivor,
  toSurvivor,
} from './containment.js'
import type { Natives } from './natives.js'
import { every, now, pause, sleep } from './poll.js'
import { ChildrenFile, descendantsOf, readStat } from './process-table/linux.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from './process-table/table.js'
import { signalProcess, type SignalOutcome } from './signals.js'
import { type Evidence, type Member, type ProcessInfo, remember, toInfo, toMember, type Tree } from './tree.js'

// The worker is a child subreaper (prctl(2)): whatever is orphaned below it becomes its own child. Its list of
// children, followed down, is therefore complete, whatever a process did to its environment, session, cwd or files.
// The list may miss a child while children come and go (proc(5)): hence three empty rounds.

const emptyRounds = 3
const lookInterval = 10
/** A foreign or unknown zombie is waited for only after this many milliseconds: whose child it is may do so first. */
const zombiePatience = 50
/** How long the kill loop may block the event loop before it takes turns with it. */
const burst = 25

/** A child of ours that libuv did not start. */
interface Adopted {
  readonly identity: ProcessIdentity
  attribution: Attribution
  zombieSince: number | undefined
}

interface Round {
  readonly members: Member[]
  readonly unattributed: ProcessInfo[]
  /** Something is alive that could not be read. */
  readonly isUncertain: boolean
}

/** What one round of the kill loop found alive, and what became of the signal. */
interface Struck {
  readonly record: ProcessRecord
  readonly tree: Tree
  readonly evidence: Evidence
  readonly outcome: SignalOutcome
}

const toSurvivors = (struck: readonly Struck[]): Survivor[] =>
  struck.map(({ record, tree, evidence, outcome }) => toSurvivor(toMember(record, tree, evidence), outcome))

export type StrictSurroundings = Surroundings & { readonly trees: Set<Tree>; readonly outside: Set<string> }

export class StrictContainment implements Containment {
  readonly level = 'strict'
  readonly #natives: Natives
  readonly #births: Births
  readonly #around: StrictSurroundings
  readonly #fixtures = new Set<string>()
  #children: ChildrenFile | undefined
  #adopted = new Map<number, Adopted>()
  #stopLooking: (() => void) | undefined
  #nextLook = 0

  constructor(natives: Natives, births: Births, around: StrictSurroundings) {
    this.#natives = natives
    this.#births = births
    this.#around = around
  }

  enter(fixture: string): void {
    if (this.#fixtures.size === 0) {
      this.#births.subscribe()
      this.#children = new ChildrenFile(process.pid, process.pid)
      // What is there already is somebody else's, and somebody else waits for it.
      for (const pid of this.#children.read()) {
        const record = readStat(pid)
        if (record !== undefined)
          this.#adopted.set(pid, { identity: record, attribution: foreign, zombieSince: Infinity })
      }
      this.#natives.setSubreaper(true)
    }
    this.#fixtures.add(fixture)
  }

  leave(fixture: string): void {
    this.#fixtures.delete(fixture)
    for (const tree of this.#around.trees) if (tree.fixture === fixture) this.#around.trees.delete(tree)
    if (this.#fixtures.size > 0) return
    this.#stopLooking?.()
    this.#stopLooking = undefined
    this.#endUnattributed()
    this.#natives.setSubreaper(false)
    this.#births.unsubscribe()
    this.#children?.close()
    this.#children = undefined
    this.#adopted = new Map()
  }

  add(tree: Tree): void {
    this.#around.trees.add(tree)
    this.#stopLooking ??= every(lookInterval, () => this.#lookInPassing())
  }

  remove(tree: Tree): void {
    this.#around.trees.delete(tree)
  }

  look(trees: readonly Tree[]): Promise<Sighting> {
    const wanted = new Set(trees)
    let seen = this.#round()
    for (let round = 1; round < emptyRounds; round += 1) {
      if (seen.isUncertain || seen.members.some((member) => wanted.has(member.tree))) break
      seen = this.#round()
    }
    return Promise.resolve({ ...seen, members: seen.members.filter((member) => wanted.has(member.tree)) })
  }

  async kill(trees: readonly Tree[], timeout: number, spared: readonly Member[] = []): Promise<KillOutcome> {
    const deadline = now() + timeout
    const wanted = new Set(trees)
    const isSpared = (record: ProcessIdentity): boolean =>
      spared.some(({ pid, startTime }) => pid === record.pid && startTime === record.startTime)
    const killed = this.#round().members.filter((member) => wanted.has(member.tree) && !isSpared(member))
    // Everything known at once: level by level, a deep tree would take a death per generation.
    signalTrees(trees, killed, 'SIGKILL', spared)

    for (let empty = 0; ;) {
      const burstEnd = now() + burst
      for (let round = 0; now() < burstEnd; round += 1) {
        const struck = this.#killRound(wanted, isSpared)
        empty = struck.length === 0 ? empty + 1 : 0
        if (empty === emptyRounds) return { survivors: [], killed }
        const isRefused = struck.length > 0 && struck.every(({ outcome }) => outcome === 'forbidden')
        if (isRefused || now() >= deadline) return { survivors: toSurvivors(struck), killed }
        // Not dead yet: leave the processor to it.
        if (struck.length > 0 && round > 3) pause(0.2)
      }
      await sleep(1)
    }
  }

  /** One pass over our children: SIGKILLs what is of these trees. Returns what was not dead yet. */
  #killRound(wanted: ReadonlySet<Tree>, isSpared: (record: ProcessIdentity) => boolean): Struck[] {
    const struck: Struck[] = []
    const strike = (record: ProcessRecord, tree: Tree, evidence: Evidence): void => {
      struck.push({ record, tree, evidence, outcome: signalProcess(record, 'SIGKILL') })
    }
    for (const record of this.#roots()) {
      const attribution = this.#attribute(record, true)
      if (isZombie(record)) {
        this.#takeExit(record)
      } else if (attribution.kind === 'ours') {
        if (wanted.has(attribution.tree) && !isSpared(record)) strike(record, attribution.tree, attribution.evidence)
      } else if (attribution.kind === 'unknown') {
        // Exiting, or becoming another program: its child may come next, so this round is not empty.
        const [tree] = wanted
        if (tree !== undefined && this.#isOnlyFixture(tree)) strike(record, tree, 'elimination')
        else if (tree !== undefined) struck.push({ record, tree, evidence: 'elimination', outcome: 'gone' })
      }
    }
    return struck
  }

  #isOnlyFixture({ fixture }: Tree): boolean {
    return [...this.#around.trees].every((tree) => tree.fixture === fixture)
  }

  /** Our children, and the leaders that are another thread's. */
  *#roots(): Generator<ProcessRecord> {
    const children = new Set(this.#children?.read())
    for (const pid of children) {
      const record = readStat(pid)
      if (record !== undefined) yield record
    }
    for (const { leader } of this.#around.trees) {
      const record = children.has(leader.pid) ? undefined : readStat(leader.pid)
      if (record?.startTime === leader.startTime) yield record
    }
  }

  /** One pass over our children and everything below them, without a signal. */
  #round(): Round {
    const members: Member[] = []
    const unattributed: ProcessInfo[] = []
    let isUncertain = false
    for (const record of this.#roots()) {
      const attribution = this.#attribute(record, false)
      // A hopper is gone before it can be read: a fresh zombie that nobody knows is the trace of something alive.
      if (attribution.kind === 'unknown') isUncertain = true
      if (attribution.kind === 'unattributed') unattributed.push(toInfo(record))
      if (isZombie(record)) this.#takeExit(record)
      else if (attribution.kind === 'ours') this.#collect(record, attribution, members)
    }
    return { members, unattributed, isUncertain }
  }

  #collect(record: ProcessRecord, { tree, evidence }: Ours, members: Member[]): void {
    remember(tree, record)
    members.push(toMember(record, tree, evidence))
    descendantsOf(record.pid, (descendant) => {
      remember(tree, descendant)
      if (!isZombie(descendant)) members.push(toMember(descendant, tree, 'parent chain'))
    })
  }

  #lookInPassing(): void {
    if (now() < this.#nextLook || this.#around.trees.size === 0) return
    const begin = now()
    this.#round()
    this.#nextLook = begin + 20 * (now() - begin)
  }

  #attribute(record: ProcessRecord, mayStop: boolean): Attribution {
    const before = this.#adopted.get(record.pid)
    const isTheSame = before !== undefined && before.identity.startTime === record.startTime
    if (isTheSame && (before.attribution.kind === 'foreign' || before.attribution.kind === 'ours'))
      return before.attribution
    if (!isTheSame && this.#births.has(record.pid)) {
      const tree = [...this.#around.trees].find(({ leader }) => leader.pid === record.pid)
      return tree === undefined ? foreign : { kind: 'ours', tree, evidence: 'leader' }
    }
    const attribution = this.#judge(record, mayStop)
    if (isTheSame) before.attribution = attribution
    else this.#adopted.set(record.pid, { identity: record, attribution, zombieSince: undefined })
    return attribution
  }

  #judge(record: ProcessRecord, mayStop: boolean): Attribution {
    if (record.session === this.#around.session) return foreign
    const byTable = attributeByTable(record, this.#around.trees)
    if (byTable !== undefined) return byTable
    if (isZombie(record)) return unknown
    // Stop, look, then kill or continue: a child's number cannot be reused before it is waited for, and what is
    // stopped cannot hop on while it is read.
    const isStopped = mayStop && record.state !== 'T' && signalProcess(record, 'SIGSTOP') === 'sent'
    const attribution = this.#eliminate(record, attributeByEvidence(record, this.#around))
    if (isStopped && attribution.kind !== 'ours') signalProcess(record, 'SIGCONT')
    return attribution
  }

  /** An orphan that nothing attributes is of the only fixture that could have started it, if there is just one. */
  #eliminate(record: ProcessRecord, attribution: Attribution): Attribution {
    if (attribution.kind !== 'unattributed') return attribution
    const candidates = [...this.#around.trees].filter((tree) => tree.leader.startTime <= record.startTime)
    const tree = candidates.at(-1)
    const isOnlyOne = candidates.every((candidate) => candidate.fixture === tree?.fixture)
    return tree !== undefined && isOnlyOne ? { kind: 'ours', tree, evidence: 'elimination' } : attribution
  }

  /** Waits for an adopted zombie. A child of libuv's is left to libuv. */
  #takeExit(record: ProcessRecord): void {
    const adopted = this.#adopted.get(record.pid)
    if (adopted === undefined || this.#births.has(record.pid)) return
    // A leader that another thread's libuv waits for.
    if (adopted.attribution.kind === 'ours' && adopted.attribution.evidence === 'leader') return
    adopted.zombieSince ??= now()
    if (adopted.attribution.kind !== 'ours' && now() - adopted.zombieSince < zombiePatience) return
    if (this.#natives.takeExit(record.pid)) this.#adopted.delete(record.pid)
  }

  /** With the last fixture gone, what nothing attributed can only be of a fixture: it is ended. */
  #endUnattributed(): void {
    for (const [pid, { identity, attribution }] of this.#adopted) {
      if (attribution.kind !== 'unattributed') continue
      signalProcess(identity, 'SIGKILL')
      this.#natives.takeExit(pid)
    }
  }
}
