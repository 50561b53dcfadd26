import { every, now, restUntil, wallClock } from '../base/clock.js'
import { groupByParent, visitBelow } from '../system/forest.js'
import { table } from '../system/process-table/current.js'
import { descendantsOf } from '../system/process-table/linux.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'
import type { Tree } from '../containment/tree.js'

// Watches the processes of a tree while it lives, for a trace: which process started another, called exec, changed its
// group, got another parent, or exited. What it misses is missing in a picture, not in a proof.

/** The shortest time between two looks, in ms. */
const lookInterval = 10
/** The same, if every look starts ps(1). */
const lookIntervalPortable = 250
/** A look that is no more than this many ms old is as good as a new one. */
const stale = 1
/** After a full look, this many times its duration passes before the next one. Looks at known processes may take as long. */
const rest = 100
/** A process most likely calls exec within this many ms of its start. */
const youth = 250
/** One in `rarely` of those whose command line was read at a greater age has it re-read per scan. */
const rarely = 8

/** A process that was seen. */
export interface WatchedProcess extends ProcessIdentity {
  readonly tree: Tree
  /** Its number in this watch, counted from 1. */
  readonly number: number
  /** Its parent when it was first seen. */
  readonly parent: WatchedProcess | undefined
  readonly ppid: number
  readonly group: number
  readonly session: number
  readonly command: string
  /** ms on our clock. Not before the last look that did not see it. */
  readonly startedAt: number
}

export interface TreeWatchListener {
  started(process: WatchedProcess): void
  executed(process: WatchedProcess): void
  changedGroup(process: WatchedProcess): void
  reparented(process: WatchedProcess, ppid: number): void
  exited(process: WatchedProcess): void
}

interface Seen extends WatchedProcess {
  ppid: number
  group: number
  session: number
  command: string
  readonly seenAt: number
  /** When its command line was read last. */
  readAt: number
  /** There were too many processes before it, so it is not reported. */
  readonly isOverLimit: boolean
}

/** Where a look finds processes. */
interface Lookup {
  identify(pid: number): ProcessRecord | undefined
  descendantsOf(record: ProcessRecord, visit: (descendant: ProcessRecord) => void): void
}

const procLookup: Lookup = { identify: (pid) => table.identify(pid), descendantsOf }
/** Re-checks known processes only; for a many-threaded program that is a tenth of a full scan. */
const knownLookup: Lookup = { ...procLookup, descendantsOf: () => {} }

/** Where there is no /proc: the whole process table at one moment. */
function lookupOf(records: ReadonlyMap<number, ProcessRecord>): Lookup {
  const forest = groupByParent(records.values())
  return {
    identify: (pid) => records.get(pid),
    descendantsOf: ({ pid }, visit) => visitBelow(pid, forest, visit),
  }
}

/** Watches the trees of one fixture. */
export class TreeWatch {
  readonly #listener: TreeWatchListener
  readonly #most: number
  readonly #trees = new Map<Tree, { readonly alive: Map<number, Seen>; known: number; isLeaderGone: boolean }>()
  #count = 0
  #looks = 0
  #lastLook = now()
  #nextLook = 0
  #nextSample = 0
  #isLooking = false
  readonly #stop: () => void

  /** `most` is the number of processes that are reported. */
  constructor(listener: TreeWatchListener, most: number) {
    this.#listener = listener
    this.#most = most
    const isProc = table.name === 'linux'
    this.#stop = every(isProc ? lookInterval : lookIntervalPortable, () => {
      if (isProc && now() < this.#nextLook) this.#sampleKnown()
      else if (isProc) this.look()
      else if (now() >= this.#nextLook) void this.#lookPortable()
    })
  }

  /** How many processes were not reported, because there were too many. */
  get unreported(): number {
    return Math.max(0, this.#count - this.#most)
  }

  /** The reported processes that were alive at the last look. */
  get living(): WatchedProcess[] {
    return [...this.#trees.values()].flatMap(({ alive }) =>
      [...alive.values()].filter(({ isOverLimit }) => !isOverLimit),
    )
  }

  add(tree: Tree, command: string, startedAt: number): void {
    this.#trees.set(tree, { alive: new Map(), known: 0, isLeaderGone: false })
    this.#lastLook = now()
    const { pid } = tree.identity
    this.#tell(tree, { ...tree.identity, ppid: process.pid, group: pid, session: pid }, undefined, command, startedAt)
  }

  /** Called when the leader has exited and was waited for. */
  leaderGone(tree: Tree): void {
    const watched = this.#trees.get(tree)
    if (watched !== undefined) watched.isLeaderGone = true
    this.#end(tree, tree.identity.pid)
    // Its children have just got another parent.
    this.found(tree)
  }

  /** Called when more of a tree is known. */
  found(tree: Tree): void {
    if (this.#trees.has(tree) && table.name === 'linux') this.#lookAt(tree, knownLookup)
  }

  /** Looks now, unless that would start ps(1). */
  look(): void {
    if (table.name !== 'linux') return
    const begin = now()
    if (begin - this.#lastLook < stale) return
    for (const tree of this.#trees.keys()) this.#lookAt(tree, procLookup)
    this.#looked(begin)
  }

  #sampleKnown(): void {
    const begin = now()
    if (begin < this.#nextSample) return
    for (const tree of this.#trees.keys()) this.#lookAt(tree, knownLookup)
    this.#nextSample = restUntil(begin, rest)
  }

  /** Called when a program has written something. A program that says it is ready has often just started others. */
  lookNow(): void {
    const begin = now()
    if (begin >= this.#nextLook && begin - this.#lastLook >= lookInterval / 2) this.look()
  }

  async #lookPortable(): Promise<void> {
    if (this.#isLooking || this.#trees.size === 0) return
    this.#isLooking = true
    const begin = now()
    try {
      const lookup = lookupOf(await table.snapshot())
      for (const tree of this.#trees.keys()) this.#lookAt(tree, lookup)
    } catch {
      // ps(1) could not be started. Whoever needs the process table for a proof reports that.
    }
    this.#isLooking = false
    this.#looked(begin)
  }

  #looked(begin: number): void {
    this.#looks += 1
    this.#lastLook = now()
    this.#nextLook = restUntil(begin, rest)
  }

  /** Ends the watch of a tree that was proven dead. */
  remove(tree: Tree): void {
    const alive = this.#trees.get(tree)?.alive
    if (alive === undefined) return
    // Allowed processes may live on. The others are looked up again.
    if (table.name === 'linux' && alive.size > 0) this.#lookAt(tree, procLookup)
    else for (const pid of alive.keys()) this.#end(tree, pid)
    this.#trees.delete(tree)
  }

  close(): void {
    this.#stop()
    this.#trees.clear()
  }

  #lookAt(tree: Tree, lookup: Lookup): void {
    const watched = this.#trees.get(tree)!
    const { alive } = watched
    const met = new Set<number>()
    const visit = (record: ProcessRecord): void => {
      met.add(record.pid)
      if (isZombie(record)) this.#end(tree, record.pid)
      else this.#note(tree, record)
    }
    const visitFrom = (identity: ProcessIdentity): void => {
      if (met.has(identity.pid)) return
      const record = lookup.identify(identity.pid)
      if (record === undefined || !table.isSame(record, identity)) return this.#end(tree, identity.pid)
      visit(record)
      lookup.descendantsOf(record, visit)
    }
    if (!watched.isLeaderGone) visitFrom(tree.identity)
    // The processes whose parent has gone, and those that containment has found in another way.
    for (const seen of alive.values()) visitFrom(seen)
    if (tree.known.size !== watched.known) {
      watched.known = tree.known.size
      for (const identity of tree.known.values()) if (!alive.has(identity.pid)) visitFrom(identity)
    }
    for (const pid of alive.keys()) if (!met.has(pid)) this.#end(tree, pid)
  }

  #note(tree: Tree, record: ProcessRecord): void {
    const { alive } = this.#trees.get(tree)!
    const seen = alive.get(record.pid)
    if (seen === undefined || !table.isSame(seen, record)) {
      if (seen !== undefined) this.#end(tree, record.pid)
      const startedAt = Math.max(this.#lastLook, now() - Math.max(0, wallClock() - table.startedAt(record)))
      this.#tell(tree, record, alive.get(record.ppid), undefined, startedAt)
      return
    }
    const isAsked = seen.readAt - seen.seenAt < youth || (this.#looks + record.pid) % rarely === 0
    const command = isAsked ? table.commandLine(record.pid) : seen.command
    if (isAsked) seen.readAt = now()
    if (command !== seen.command && !command.startsWith('[')) {
      seen.command = command
      if (!seen.isOverLimit) this.#listener.executed(seen)
    }
    // The session is 0 on platforms that do not tell it.
    if (record.group !== seen.group || (record.session !== 0 && record.session !== seen.session)) {
      seen.group = record.group
      seen.session = record.session
      if (!seen.isOverLimit) this.#listener.changedGroup(seen)
    }
    if (record.ppid !== seen.ppid) {
      seen.ppid = record.ppid
      if (!seen.isOverLimit) this.#listener.reparented(seen, record.ppid)
    }
  }

  #tell(
    tree: Tree,
    record: Omit<ProcessRecord, 'state' | 'hasTerminal'>,
    parent: WatchedProcess | undefined,
    command: string | undefined,
    startedAt: number,
  ): void {
    this.#count += 1
    const seenAt = now()
    const seen: Seen = {
      tree,
      number: this.#count,
      pid: record.pid,
      startTime: record.startTime,
      parent,
      ppid: record.ppid,
      group: record.group,
      session: record.session,
      command: command ?? table.commandLine(record.pid),
      startedAt,
      seenAt,
      readAt: seenAt,
      isOverLimit: this.#count > this.#most,
    }
    this.#trees.get(tree)!.alive.set(record.pid, seen)
    if (!seen.isOverLimit) this.#listener.started(seen)
  }

  #end(tree: Tree, pid: number): void {
    const alive = this.#trees.get(tree)?.alive
    const seen = alive?.get(pid)
    if (seen === undefined) return
    alive!.delete(pid)
    if (!seen.isOverLimit) this.#listener.exited(seen)
  }
}
