import { isMainThread } from 'node:worker_threads'
import { execTime } from '../containment/source.js'
import { ChildStarts, type ChildStart, identify, isHeld } from '../containment/child-starts.js'
import type { Evidence } from '../containment/evidence.js'
import type { ContainmentLevel } from '../containment/containment.js'
import { every, now, restUntil, wallClock } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import {
  descendantsOf,
  hasEmptyEnvironment,
  readProc,
  readStat,
  ticksPerSecond,
} from '../system/process-table/linux.js'
import { isZombie, keyOf, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'
import { remember } from '../containment/root.js'
import { ChildSource } from './child-source.js'
import { type Origin, originOf } from './origin.js'
import { ReadFacts } from './origin-facts.js'
import type { DescendantTrackerHost } from './tracker-host.js'

// The processes that this thread has started by itself, by whatever means, and their descendants: the children that Node
// announces, those that it does not (execSync, node-pty), and the orphans of both. The commands of a fixture, the guardian
// and processes that were there before do not count.
//
// Each announced child inherits its own mark in its environment, and so do its orphans, which are found by it. In strict
// the kernel's list of our children is complete; in basic the process table is searched for parents and marks.

/** A live process that this thread started, or that comes from one. */
export interface Descendant extends ProcessRecord {
  /** The announced child that it is, or descends from. */
  readonly start: ChildStart | undefined
}

/** What one look has found. */
export interface Sight {
  /** The oldest first. */
  readonly members: readonly Descendant[]
  /** Whether it found traces of a process that had gone before it could be read, and may have started another. */
  readonly isUncertain: boolean
  /**
   * Whether it met a process that may be in the middle of an exec. Such a process has no environment, and so no mark; a
   * moment later it can be attributed.
   */
  readonly isInExec: boolean
}

/** A look under way: what it has found so far. */
interface Pass {
  readonly found: Map<string, Descendant>
  /** The processes that have no environment, and since when. */
  readonly inExec: Map<string, number>
  isUncertain: boolean
}

const lookInterval = 100
/** ms after which an unannounced zombie is waited for: whoever started it gets the chance to do so first. */
const zombiePatience = 100

/** How many children are remembered that are gone and seem to have left no descendants. */
const remembered = 200

/** Now, in the units of a start time. */
export const currentTime = (): number =>
  table.name === 'linux'
    ? Math.floor(Number.parseFloat(readProc('/proc/uptime') ?? '0') * ticksPerSecond)
    : Math.floor(wallClock() / 1000)

/** Whether a process that was seen a moment ago has gone. Another user's cannot be read and counts as still there. */
function isGone(record: ProcessRecord): boolean {
  const holder = table.name === 'linux' ? readStat(record.pid) : record
  return holder === undefined || !table.isSame(holder, record) || isZombie(holder)
}

export class DescendantTracker {
  readonly #host: DescendantTrackerHost
  readonly #childStarts: ChildStarts
  readonly #source = new ChildSource()
  /** The children that are running, or that have left descendants. */
  readonly #starts = new Map<number, ChildStart>()
  /** The children that were there before this tracker. */
  readonly #others = new Set<string>()
  /** The latest children that are gone and seem to have left none: a list of children may have missed one. */
  readonly #past = new Map<number, ChildStart>()
  /** Processes whose origin was unknown when they were first seen. */
  readonly #strays = new Set<string>()
  readonly #zombies = new Map<string, number>()
  /** The processes that had no environment at the last look, and since when: they may be in the middle of an exec. */
  #inExec = new Map<string, number>()
  /** Undefined until the first child is about to start. `isComplete`: every orphan becomes a child of this process. */
  #contained: { readonly level: ContainmentLevel; readonly isComplete: boolean } | undefined
  /** Whether a child came and went before its orphans would have become our children. */
  #hasMissed = false
  #acknowledgedStarts = 0
  #exits = 0
  #acknowledgedExits = 0
  #openedAt = 0
  #stopLooking: (() => void) | undefined
  #nextLook = 0

  constructor(host: DescendantTrackerHost) {
    this.#host = host
    this.#childStarts = new ChildStarts({
      isOwn: () => host.isOwn(),
      announced: (start) => {
        this.#contain()
        this.#starts.set(start.number, start)
        host.marks.carry(start.number + 1)
        host.announced(start)
      },
      started: (start) => {
        host.started(start)
        this.#stopLooking ??= every(lookInterval, () => this.#sampleKnown())
      },
      exited: (start) => {
        this.#exits += 1
        host.exited(start)
      },
    })
  }

  /** Notes which children are there already, and listens for new ones from now on. */
  open(): void {
    this.#openedAt = currentTime()
    for (const { record } of this.#source.children()) this.#others.add(keyOf(record))
    this.#host.marks.carry(1)
    this.#childStarts.open()
    this.acknowledge()
  }

  close(): void {
    this.#stopLooking?.()
    this.#stopLooking = undefined
    this.#childStarts.close()
    this.#source.close()
    for (const start of this.#starts.values()) this.#host.exited(start)
    this.#starts.clear()
  }

  get level(): ContainmentLevel {
    return this.#contained?.level ?? 'basic'
  }

  /** Whether anything can have started or ended since the last `acknowledge`. It costs two reads. */
  hasChanged(): boolean {
    return (
      this.#childStarts.count !== this.#acknowledgedStarts ||
      this.#exits !== this.#acknowledgedExits ||
      this.#source.hasChanged()
    )
  }

  acknowledge(): void {
    this.#acknowledgedStarts = this.#childStarts.count
    this.#acknowledgedExits = this.#exits
    this.#source.acknowledge()
  }

  #contain(): void {
    if (this.#contained !== undefined) return
    this.#hasMissed = this.#source.hasChanged()
    this.#contained = this.#host.contain()
  }

  /** How many looks in a row must find nothing: the kernel's list may miss a child while others come and go. */
  get emptyRounds(): number {
    return this.level === 'strict' ? 3 : 2
  }

  /** Looks for all of our processes that are alive now. */
  async look(): Promise<Sight> {
    this.#host.marks.renew()
    if (this.#contained === undefined) {
      this.#contain()
      // Something has started already, and its orphans may have gone elsewhere: nobody was a subreaper for them yet.
      this.#hasMissed = true
    }
    for (const start of this.#starts.values()) identify(start)
    const pass: Pass = { found: new Map(), inExec: new Map(), isUncertain: false }
    this.#collectChildren(pass)
    // A process that was orphaned too early is not in the list of our children. It is searched for as long as it lives.
    const known = pass.found.size
    if (this.#contained?.isComplete !== true || this.#hasMissed) await this.#collectMarked(pass)
    this.#hasMissed = pass.found.size > known
    this.#inExec = pass.inExec
    this.#forgetEnded([...pass.found.values()])
    return {
      members: [...pass.found.values()].toSorted((a, b) => a.startTime - b.startTime || a.pid - b.pid),
      isUncertain: pass.isUncertain,
      isInExec: [...pass.inExec.values()].some((since) => now() - since < execTime),
    }
  }

  #forgetEnded(found: readonly Descendant[]): void {
    const seen = new Set(found.map(({ start }) => start))
    for (const start of this.#starts.values()) {
      if (isHeld(start) || seen.has(start)) continue
      this.#starts.delete(start.number)
      this.#past.set(start.number, start)
      this.#past.delete(start.number - remembered)
    }
  }

  #collectChildren(pass: Pass): void {
    for (const { record, child } of this.#source.children()) {
      if (this.#others.has(keyOf(record))) continue
      const facts = new ReadFacts(record, child, this.#host)
      const origin = this.#originOf(record, facts)
      if (origin.kind === 'gone') this.#takeExit(pass, record)
      else if (origin.kind === 'foreign') this.#noteExec(pass, record, facts)
      else this.#include(pass, record, origin)
    }
  }

  /** Searches for processes that carry our mark, or were seen below one of ours. */
  async #collectMarked(pass: Pass): Promise<void> {
    const { records, hasLost } = await this.#source.newcomers()
    pass.isUncertain ||= hasLost
    for (const record of records) {
      if (isZombie(record)) this.#noteZombie(pass, record)
      if (isZombie(record) || record.pid === process.pid || pass.found.has(keyOf(record))) continue
      if (this.#others.has(keyOf(record)) || table.isOlder(record, { startTime: this.#openedAt })) continue
      const facts = new ReadFacts(record, undefined, this.#host)
      const origin = this.#originOf(record, facts)
      if (origin.kind !== 'known') {
        if (this.#noteExec(pass, record, facts)) this.#source.keep(record)
        // It exited while it was read: the list may lack what it started in the meantime.
        pass.isUncertain ||= facts.environment === undefined && isGone(record)
      }
      if (origin.kind === 'gone' || origin.kind === 'foreign') continue
      this.#source.keep(record)
      this.#include(pass, record, origin)
    }
  }

  /** A process has no environment in the middle of an exec. Kernel threads (children of pid 2) never have one. */
  #noteExec({ inExec }: Pass, record: ProcessRecord, { isTaken, environment }: ReadFacts): boolean {
    if (isTaken || environment?.length !== 0 || (record.ppid === 2 && record.session === 0)) return false
    if (hasEmptyEnvironment(record.pid)) return false
    inExec.set(keyOf(record), this.#inExec.get(keyOf(record)) ?? now())
    return true
  }

  #include({ found }: Pass, record: ProcessRecord, origin: Origin<ChildStart>): void {
    const { start, evidence } = 'start' in origin ? origin : {}
    const visit = (each: ProcessRecord, how?: Evidence): void => {
      if (start !== undefined) remember(start, each, how)
      if (!isZombie(each) && !found.has(keyOf(each))) found.set(keyOf(each), { ...each, start })
    }
    visit(record, evidence)
    this.#source.below(record, (each) => visit(each))
  }

  /** What was once assigned to no start never is: a start that comes later has not made it. */
  #originOf(record: ProcessRecord, facts: ReadFacts): Origin<ChildStart> {
    const origin = originOf(record, facts, [...this.#starts.values()], this.#past)
    if (origin.kind === 'known' || origin.kind === 'gone') return origin
    // It may become an orphan later.
    if (!facts.isTaken && facts.mark?.kind === 'file') this.#source.keep(record)
    if (origin.kind === 'foreign') return origin
    if (this.#strays.has(keyOf(record))) return { kind: 'file' }
    // A young process without an environment may be in the middle of an exec: a later look can decide.
    const mayBeInExec = facts.environment?.length === 0 && wallClock() - table.startedAt(record) < execTime
    if (origin.kind === 'file' && !mayBeInExec) this.#strays.add(keyOf(record))
    return origin
  }

  /** A process that is a zombie when it is first met was alive a moment ago, and may have started another since. */
  #noteZombie(pass: Pass, record: ProcessIdentity): number {
    const key = keyOf(record)
    const since = this.#zombies.get(key)
    if (since !== undefined) return since
    this.#zombies.set(key, now())
    pass.isUncertain ||= !table.isOlder(record, { startTime: this.#openedAt })
    return now()
  }

  #takeExit(pass: Pass, record: ProcessIdentity): void {
    const since = this.#noteZombie(pass, record)
    if (!isMainThread || this.level !== 'strict') return
    if (now() - since >= zombiePatience && this.#host.takeExit(record.pid)) this.#zombies.delete(keyOf(record))
  }

  /** Walks down from the known children while they live: once a parent is gone, nothing links its children to it. */
  #sampleKnown(): void {
    const begin = now()
    if (begin < this.#nextLook || table.name !== 'linux') return
    if (this.#starts.size === 0) {
      this.#stopLooking?.()
      this.#stopLooking = undefined
    }
    for (const start of this.#starts.values()) {
      if (start.identity === undefined || !isHeld(start)) continue
      descendantsOf(start.identity, (each) => remember(start, each))
    }
    this.#nextLook = restUntil(begin, 50)
  }
}
