import { attributeKnown } from './attribute.js'
import {
  type Containment,
  inPassing,
  type KillOutcome,
  type Sighting,
  signalTreeGroup,
  signalTrees,
} from './containment.js'
import { Exempt } from './exempt.js'
import { KillLoop, type Round, type Signalled, type Targets } from './kill-loop.js'
import { every, now, restUntil } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { descendantsOf, lastPid } from '../system/process-table/linux.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { signalGroup, signalProcess, type SignalOutcome } from '../system/signals.js'
import type { Self } from './facts.js'
import { findRecentForks } from './recent-forks.js'
import { remember } from './root.js'
import { type Found, scan, type Scan } from './scan.js'
import type { Source } from './source.js'
import { TableSource } from './table-source.js'
import { isGroupGone, type Member, toMember, type Tree } from './tree.js'

// Without a subreaper there is no complete list of descendants. The whole process table is searched instead, before the
// first signal (a chain of parents breaks with its first death) and after every round, for everything by which a command's
// processes can be recognized. Where the second mark cannot be set, a process is not found if it cleared its environment,
// left its session and lost its parent before anybody looked: docs/escapes.md says so.

const lookInterval = 50
/** ms for which a search for processes that keep forking may block the event loop: in a fork storm, and otherwise. */
const stormTime = 25
const peekTime = 3
/** If more pids than this are given out in a ms, there may be a fork storm. On a busy machine it is slow as well. */
const stormRate = 0.1
/** A round reports at most this many processes of a tree that were first seen as zombies. A storm leaves thousands. */
const mostReported = 64

const toTreeMember = ({ record, root, evidence }: Found<Tree>): Member => toMember(record, root, evidence)

const toSignalled = ({ record, root, evidence }: Found<Tree>, outcome: SignalOutcome): Signalled => ({
  record,
  tree: root,
  evidence,
  outcome,
})

/**
 * In a fork storm no process lives long enough to be listed, but a zombie in a group shows whose group it is. A zombie
 * that is alone in its group has left ours, and there is nobody to signal.
 */
function oneOfEachStorm(traces: readonly Found<Tree>[]): Found<Tree>[] {
  const groups = new Set<number>()
  const shared = new Map<number, Found<Tree>>()
  for (const trace of traces) {
    const { group } = trace.record
    if (groups.has(group)) shared.set(group, trace)
    groups.add(group)
  }
  return [...shared.values()]
}

/** Enough of each tree's traces to show that it was alive, and what it was. */
function someOfEach(traces: readonly Found<Tree>[]): Found<Tree>[] {
  const counts = new Map<Tree, number>()
  return traces.filter(({ root }) => {
    const count = (counts.get(root) ?? 0) + 1
    counts.set(root, count)
    return count <= mostReported
  })
}

export class BasicContainment implements Containment {
  readonly level = 'basic'
  readonly #trees: Set<Tree>
  readonly #source: Source
  readonly #fixtures = new Set<string>()
  #stopLooking: (() => void) | undefined
  #nextLook = 0
  /** The last pid that had been given out, and when: at the last two looks. */
  #pids: readonly { readonly last: number; readonly at: number }[] = []
  /** The trees whose leaders a kill has signalled. */
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
    this.#pids = []
  }

  add(tree: Tree): void {
    this.#trees.add(tree)
    if (table.name !== 'linux' || this.#stopLooking !== undefined) return
    this.#notePids()
    this.#stopLooking = every(lookInterval, () => inPassing(() => this.#sample()))
  }

  remove(tree: Tree): void {
    this.#trees.delete(tree)
  }

  async look(trees: readonly Tree[]): Promise<Sighting> {
    const { members, isUncertain } = await this.#scan(new Set(trees), () => {})
    return { members: members.map(toTreeMember), unattributed: [], isUncertain }
  }

  kill(trees: readonly Tree[], timeout: number, exempt: readonly Member[] = []): Promise<KillOutcome> {
    return this.#kills.kill(trees, timeout, exempt)
  }

  async #killRound(targets: Targets): Promise<Round> {
    const { trees, exempt } = targets
    // The leader gets its signal first, because it may react to the death of a child.
    const hasBegun = [...trees].every((tree) => this.#begun.has(tree))
    if (!hasBegun && this.#isForkStorm()) this.#hold(trees, exempt)
    const killFound = (record: ProcessRecord): void => {
      if (hasBegun) signalProcess(record, 'SIGKILL')
    }
    const { members: left, isUncertain, isRestless, traces } = await this.#scan(trees, killFound, exempt)
    if (left.length > 0 || isUncertain) {
      signalTrees([...trees], [...left, ...oneOfEachStorm(traces)].map(toTreeMember), 'SIGKILL', exempt.members)
      for (const tree of trees) this.#begun.add(tree)
    }
    const signalled = [
      // Each was alive when it was read. One that has gone since then died of the signal to its group.
      ...left.map((found) => {
        const outcome = signalProcess(found.record, 'SIGKILL')
        return toSignalled(found, outcome === 'forbidden' ? outcome : 'sent')
      }),
      ...someOfEach(traces).map((found) => toSignalled(found, 'gone')),
    ]
    return { signalled, isUncertain, isRestless, unattributed: () => [] }
  }

  #notePids(): void {
    this.#pids = [...this.#pids.slice(-1), { last: lastPid(), at: now() }]
  }

  #isForkStorm(): boolean {
    const [before] = this.#pids
    if (before === undefined) return false
    const given = lastPid() - before.last
    // Fewer than none: the numbers have begun anew.
    return given < 0 || given > stormRate * (now() - before.at)
  }

  /**
   * Stops the groups of these trees, so that they fork no more. A machine that is busy with a storm takes seconds to list
   * its processes, and would find the storm elsewhere each time.
   */
  #hold(trees: ReadonlySet<Tree>, exempt: Exempt): void {
    const whole = [...trees].filter((tree) => tree.leadsGroup && !tree.groupIsGone && !exempt.splits(tree))
    const leaderless = whole.filter((tree) => signalTreeGroup(tree, [], 'SIGSTOP') !== 'sent')
    const stop = (record: ProcessRecord): void => {
      if (leaderless.some(({ identity }) => identity.pid === record.group)) signalGroup(record.group, record, 'SIGSTOP')
    }
    findRecentForks(leaderless, lastPid(), stormTime, stop, this.#isSpared(exempt))
  }

  #isSpared(exempt: Exempt): (record: ProcessRecord) => boolean {
    return (each) => this.#source.spares(each) || exempt.has(each)
  }

  /** Looks for everything but what is exempt. Calls `onFound` with each process that keeps forking, as soon as it is found. */
  async #scan(
    wanted: ReadonlySet<Tree>,
    onFound: (record: ProcessRecord) => void,
    exempt = new Exempt(),
  ): Promise<Scan<Tree> & { readonly isRestless: boolean }> {
    const last = table.name === 'linux' ? lastPid() : 0
    // It scans for all trees, so that a process of another tree is not taken for one of these.
    const { members, unattributed, isUncertain, traces } = await scan(this.#source, [...this.#trees])
    for (const tree of wanted) isGroupGone(tree)
    const isWanted = ({ record, root }: Found<Tree>): boolean => wanted.has(root) && !exempt.has(record)
    const met = traces.filter(isWanted)
    const hasForked = table.name === 'linux' && (lastPid() !== last || traces.length > 0)
    const time = met.length > 0 ? stormTime : peekTime
    const forks = hasForked ? findRecentForks([...wanted], last, time, onFound, this.#isSpared(exempt)) : []
    const all = [...met, ...forks]
    return {
      members: members.filter(isWanted),
      unattributed,
      isUncertain: isUncertain || all.length > 0,
      isRestless: hasForked,
      traces: all,
    }
  }

  /** Walks down from the known processes while they live: once a parent is gone, nothing links its children to it. */
  #sample(): void {
    const begin = now()
    this.#notePids()
    if (begin < this.#nextLook) return
    for (const tree of this.#trees) {
      for (const { pid } of [tree.identity, ...tree.known.values()]) {
        const record = table.identify(pid)
        if (record === undefined || attributeKnown(record, [tree]) === undefined) continue
        descendantsOf(record, (descendant) => remember(tree, descendant))
      }
    }
    this.#nextLook = restUntil(begin, 19)
  }
}
