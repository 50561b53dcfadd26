import { attributeByEvidence, attributeByTable, type Ours, type Surroundings } from './attribution.js'
import {
  type Containment,
  inPassing,
  type KillOutcome,
  type Sighting,
  signalTrees,
  type Survivor,
  toSurvivor,
} from './containment.js'
import { backoff, every, now, sleep } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { descendantsOf } from '../system/process-table/linux.js'
import { isZombie, type ProcessRecord } from '../system/process-table/table.js'
import { groupExists, signalProcess } from '../system/signals.js'
import { type Member, remember, toMember, type Tree } from './tree.js'

// Without a subreaper there is no complete list of descendants: the whole process table is searched, before the first
// signal (a parent chain breaks with its first death) and after every round, for everything that tells a process of a
// command from another one. What cleared its environment, left session and folder, closed its files and lost its
// parent before anybody looked is not found: the README says so.

const lookInterval = 50

export class BasicContainment implements Containment {
  readonly level = 'basic'
  readonly #around: Surroundings & { readonly trees: Set<Tree> }
  readonly #fixtures = new Set<string>()
  #stopLooking: (() => void) | undefined
  #nextLook = 0

  constructor(around: Surroundings & { readonly trees: Set<Tree> }) {
    this.#around = around
  }

  enter(fixture: string): void {
    this.#fixtures.add(fixture)
  }

  leave(fixture: string): void {
    this.#fixtures.delete(fixture)
    for (const tree of this.#around.trees) if (tree.fixture === fixture) this.#around.trees.delete(tree)
    if (this.#fixtures.size > 0) return
    this.#stopLooking?.()
    this.#stopLooking = undefined
  }

  add(tree: Tree): void {
    this.#around.trees.add(tree)
    if (table.name === 'linux') this.#stopLooking ??= every(lookInterval, () => inPassing(() => this.#lookInPassing()))
  }

  remove(tree: Tree): void {
    this.#around.trees.delete(tree)
  }

  async look(trees: readonly Tree[]): Promise<Sighting> {
    return { members: await this.#scan(new Set(trees)), unattributed: [], isUncertain: false }
  }

  async kill(trees: readonly Tree[], timeout: number, spared: readonly Member[] = []): Promise<KillOutcome> {
    const deadline = now() + timeout
    const wanted = new Set(trees)
    const scan = async (): Promise<readonly Member[]> =>
      (await this.#scan(wanted)).filter((member) => !spared.some((each) => table.isSame(each, member)))
    const killed = new Map<number, Member>()
    let members = await scan()
    for (const delay of backoff(20)) {
      if (members.length === 0) break
      for (const member of members) if (!killed.has(member.pid)) killed.set(member.pid, member)
      signalTrees(trees, members, 'SIGKILL', spared)
      await sleep(delay)
      members = await scan()
      const refused = this.#refused(members)
      const survivors = now() >= deadline ? members.map((member) => toSurvivor(member, 'sent')) : refused
      if (members.length > 0 && survivors.length === members.length) {
        return { survivors, killed: [...killed.values()], unattributed: [] }
      }
    }
    return { survivors: [], killed: [...killed.values()], unattributed: [] }
  }

  /** The members that may not be signalled. */
  #refused(members: readonly Member[]): Survivor[] {
    return members.flatMap((member) => {
      const outcome = signalProcess(member, 'SIGKILL')
      return outcome === 'forbidden' ? [toSurvivor(member, outcome)] : []
    })
  }

  async #scan(wanted: ReadonlySet<Tree>): Promise<readonly Member[]> {
    const records = await table.snapshot()
    const live = [...records.values()].filter((record) => !isZombie(record))
    const found = new Map<number, Ours>()
    const oldest = Math.min(...[...this.#around.trees].map((tree) => tree.leader.startTime))

    const children = new Map<number, ProcessRecord[]>()
    for (const record of live) {
      const siblings = children.get(record.ppid)
      if (siblings === undefined) children.set(record.ppid, [record])
      else siblings.push(record)
    }
    const include = (record: ProcessRecord, ours: Ours): void => {
      if (found.has(record.pid)) return
      found.set(record.pid, ours)
      remember(ours.tree, record)
      for (const child of children.get(record.pid) ?? []) include(child, { ...ours, evidence: 'parent chain' })
    }

    const candidates = live.filter((record) => this.#isCandidate(record, oldest))
    for (const record of candidates) {
      const byTable = attributeByTable(record, this.#around.trees, this.#around.outside)
      if (byTable?.kind === 'ours') include(record, byTable)
    }
    for (const record of candidates) {
      if (found.has(record.pid)) continue
      const attribution = attributeByEvidence(record, this.#around)
      if (attribution.kind === 'ours') include(record, attribution)
    }

    for (const tree of wanted) {
      if (tree.isLeaderHeld() || tree.groupIsGone) continue
      tree.groupIsGone = !groupExists(tree.leader.pid)
    }
    return live.flatMap((record) => {
      const ours = found.get(record.pid)
      return ours !== undefined && wanted.has(ours.tree) ? [toMember(record, ours.tree, ours.evidence)] : []
    })
  }

  /** Not older than the oldest command, not a kernel thread, not the worker itself, not in its session. */
  #isCandidate(record: ProcessRecord, oldest: number): boolean {
    if (record.pid === process.pid || record.ppid === 2 || table.isOlder(record, { startTime: oldest })) return false
    return record.session === 0 || record.session !== this.#around.session
  }

  /** Walks down from what is known while parents live: afterwards nothing leads from one to the other any more. */
  #lookInPassing(): void {
    const begin = now()
    if (begin < this.#nextLook) return
    for (const tree of this.#around.trees) {
      for (const { pid } of [tree.leader, ...tree.known.values()]) {
        const record = table.identify(pid)
        if (record === undefined || attributeByTable(record, [tree]) === undefined) continue
        descendantsOf(record, (descendant) => remember(tree, descendant))
      }
    }
    this.#nextLook = begin + 20 * (now() - begin)
  }
}
