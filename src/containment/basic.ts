import { attributeKnown } from './attribute.js'
import { type Containment, inPassing, type KillOutcome, type Sighting, signalTrees } from './containment.js'
import { KillLoop, type Round, type Struck, type Targets } from './kill-loop.js'
import { every, now } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { descendantsOf, lastPid } from '../system/process-table/linux.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { signalProcess, type SignalOutcome } from '../system/signals.js'
import type { Self } from './facts.js'
import { hunt } from './hunt.js'
import { remember } from './root.js'
import { type Found, scan, type Scan } from './scan.js'
import type { Source } from './source.js'
import { TableSource } from './table-source.js'
import { isGroupGone, type Member, toMember, type Tree } from './tree.js'

// Without a subreaper there is no complete list of descendants: the whole process table is searched, before the first
// signal (a parent chain breaks with its first death) and after every round, for everything that tells a process of a
// command from another one. Where the second mark cannot be set, what cleared its environment, left its session and lost
// its parent before anybody looked is not found: docs/escapes.md says so.

const lookInterval = 50
/** ms for which the event loop may be blocked after what hops on, and to see whether there is such a one. */
const huntTime = 25
const glanceTime = 3

const toTreeMember = ({ record, root, evidence }: Found<Tree>): Member => toMember(record, root, evidence)

const toStruck = ({ record, root, evidence }: Found<Tree>, outcome: SignalOutcome): Struck => ({
  record,
  tree: root,
  evidence,
  outcome,
})

export class BasicContainment implements Containment {
  readonly level = 'basic'
  readonly #trees: Set<Tree>
  readonly #source: Source
  readonly #fixtures = new Set<string>()
  #stopLooking: (() => void) | undefined
  #nextLook = 0
  /** Those whose leaders were signalled in a round of a kill. */
  readonly #begun = new WeakSet<Tree>()
  readonly #kills = new KillLoop({
    emptyRounds: 1,
    burst: 0,
    begin: () => [],
    round: (targets) => this.#killRound(targets),
    countsAsKilled: () => true,
  })

  constructor(trees: Set<Tree>, self: Self, source: Source = new TableSource(self)) {
    this.#trees = trees
    this.#source = source
  }

  enter(fixture: string): void {
    this.#fixtures.add(fixture)
  }

  leave(fixture: string): void {
    this.#fixtures.delete(fixture)
    for (const tree of this.#trees) if (tree.owner.fixture === fixture) this.#trees.delete(tree)
    if (this.#fixtures.size > 0) return
    this.#stopLooking?.()
    this.#stopLooking = undefined
  }

  add(tree: Tree): void {
    this.#trees.add(tree)
    if (table.name === 'linux') this.#stopLooking ??= every(lookInterval, () => inPassing(() => this.#lookInPassing()))
  }

  remove(tree: Tree): void {
    this.#trees.delete(tree)
  }

  async look(trees: readonly Tree[]): Promise<Sighting> {
    const { members, isUncertain } = await this.#scan(new Set(trees), () => {})
    return { members: members.map(toTreeMember), unattributed: [], isUncertain }
  }

  kill(trees: readonly Tree[], timeout: number, spared: readonly Member[] = []): Promise<KillOutcome> {
    return this.#kills.kill(trees, timeout, spared)
  }

  async #killRound(targets: Targets): Promise<Round> {
    const { trees, spared } = targets
    // The leader gets its signal first: one that sees its child die would make something of it.
    const hasBegun = [...trees].every((tree) => this.#begun.has(tree))
    const strike = (record: ProcessRecord): void => {
      if (hasBegun && !targets.isSpared(record)) signalProcess(record, 'SIGKILL')
    }
    const { members, isUncertain, traces } = await this.#scan(trees, strike)
    const left = members.filter(({ record }) => !targets.isSpared(record))
    if (left.length > 0 || isUncertain) {
      // In a storm nobody lives long enough to be listed, but a zombie in the group shows whose the group is.
      signalTrees([...trees], [...left, ...traces].map(toTreeMember), 'SIGKILL', spared)
      for (const tree of trees) this.#begun.add(tree)
    }
    const struck = [
      // It was alive when it was read: who has gone by now has gone by the signal to its group.
      ...left.map((found) => {
        const outcome = signalProcess(found.record, 'SIGKILL')
        return toStruck(found, outcome === 'forbidden' ? outcome : 'sent')
      }),
      ...traces.map((found) => toStruck(found, 'gone')),
    ]
    return { struck, isUncertain, unattributed: () => [] }
  }

  /** `meet` is called with what hops on, as soon as it is met. */
  async #scan(wanted: ReadonlySet<Tree>, meet: (record: ProcessRecord) => void): Promise<Scan<Tree>> {
    const last = table.name === 'linux' ? lastPid() : 0
    // All trees: what is another one's must not be taken for one of these.
    const { members, unattributed, isUncertain, traces } = await scan(this.#source, [...this.#trees])
    for (const tree of wanted) isGroupGone(tree)
    const hasForked = table.name === 'linux' && (lastPid() !== last || traces.length > 0)
    const met = hasForked ? hunt([...wanted], traces.length > 0 ? huntTime : glanceTime, meet) : []
    const all = [...traces.filter(({ root }) => wanted.has(root)), ...met]
    return {
      members: members.filter(({ root }) => wanted.has(root)),
      unattributed,
      isUncertain: isUncertain || all.length > 0,
      traces: all,
    }
  }

  /** Walks down from what is known while parents live: afterwards nothing leads from one to the other any more. */
  #lookInPassing(): void {
    const begin = now()
    if (begin < this.#nextLook) return
    for (const tree of this.#trees) {
      for (const { pid } of [tree.identity, ...tree.known.values()]) {
        const record = table.identify(pid)
        if (record === undefined || attributeKnown(record, [tree]) === undefined) continue
        descendantsOf(record, (descendant) => remember(tree, descendant))
      }
    }
    this.#nextLook = begin + 20 * (now() - begin)
  }
}
