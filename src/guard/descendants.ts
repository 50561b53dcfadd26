import { isMainThread } from 'node:worker_threads'
import { Announcements, type Birth, identify, isHeld } from '../containment/child-starts.js'
import type { ContainmentLevel } from '../containment/containment.js'
import { every, now, wallClock } from '../base/clock.js'
import { type Forest, groupByParent, visitBelow } from '../system/forest.js'
import { table } from '../system/process-table/current.js'
import {
  childrenOf,
  descendantsOf,
  readChildren,
  readProc,
  readStat,
  ticksPerSecond,
} from '../system/process-table/linux.js'
import { isZombie, keyOf, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'
import { Newcomers } from './recent-pids.js'
import { Stir } from './child-activity.js'
import type { StartMarks } from './start-marks.js'

// What this thread has started by itself, through anything, and what that has started: the children that Node
// announced, those that it did not (execSync, node-pty), and the orphans of both. Commands of a fixture, the guardian
// and what was there before are none of it.
//
// Each announced child inherits a mark of its own in its environment, by which its orphans are led back to it. In
// strict the kernel's list of our children is complete; in basic the process table is searched for parents and marks.

/** A live process that was started from here. */
export interface Descendant extends ProcessRecord {
  /** The announced child that it is, or comes from. */
  readonly birth: Birth | undefined
}

export interface OffspringSurroundings {
  /** The level in force from here on. Called once, when the first child is about to start. */
  contain(): { readonly level: ContainmentLevel; readonly isComplete: boolean }
  readonly marks: StartMarks
  /** Whether a child that is being started now is this package's own. */
  isOwn(): boolean
  /** Whether a process is of a fixture's command, or of this package itself. */
  isTaken(record: ProcessRecord, environment: readonly string[] | undefined): boolean
  /** Takes the exit of an adopted orphan. */
  takeExit(pid: number): boolean
  born(birth: Birth): void
  exited(birth: Birth): void
  announced(birth: Birth): void
}

const lookInterval = 100
/** ms in which one that becomes another program has become it, on a busy machine too. */
const execTime = 300
/** ms after which an unannounced zombie is waited for: whose child it is may do so first. */
const zombiePatience = 100

/** How many births are remembered that have left nobody, as far as could be seen. */
const remembered = 200

/** Now, as a start time. */
const currentTime = (): number =>
  table.name === 'linux'
    ? Math.floor(Number.parseFloat(readProc('/proc/uptime') ?? '0') * ticksPerSecond)
    : Math.floor(wallClock() / 1000)

/** Whether a process that was there a moment ago is not any more. Another user's cannot be read, and is there. */
function isGone(record: ProcessRecord): boolean {
  const holder = table.name === 'linux' ? readStat(record.pid) : record
  return holder === undefined || !table.isSame(holder, record) || isZombie(holder)
}

export class Offspring {
  readonly #around: OffspringSurroundings
  readonly #announcements: Announcements
  readonly #stir = new Stir()
  readonly #newcomers = new Newcomers()
  /** Those that run, or have left somebody behind. */
  readonly #births = new Map<number, Birth>()
  /** What was there already, and what is a fixture's. */
  readonly #others = new Set<string>()
  /** The last ones that have gone and left nobody: a list of children may have missed one. */
  readonly #past = new Map<number, Birth>()
  /** Those of which nobody knew where they came from when they were first seen. */
  readonly #strays = new Set<string>()
  readonly #zombies = new Map<string, number>()
  #isUncertain = false
  /** Those that had no environment at the last look, and since when. */
  #becoming = new Map<string, number>()
  /** Whether every orphan comes to this process. */
  #contained: { readonly level: ContainmentLevel; readonly isComplete: boolean } | undefined
  /** Something came and went before the orphans of it would have come to us. */
  #hasMissed = false
  #settledAt = 0
  #exits = 0
  #settledExits = 0
  #openedAt = 0
  #stopLooking: (() => void) | undefined
  #nextLook = 0

  constructor(around: OffspringSurroundings) {
    this.#around = around
    this.#announcements = new Announcements({
      isOwn: () => around.isOwn(),
      announced: (birth) => {
        this.#contain()
        this.#births.set(birth.number, birth)
        around.marks.carry(birth.number + 1)
        around.announced(birth)
      },
      born: (birth) => {
        around.born(birth)
        this.#stopLooking ??= every(lookInterval, () => this.#lookInPassing())
      },
      exited: (birth) => {
        this.#exits += 1
        around.exited(birth)
      },
    })
  }

  /** Takes down what is there already, and listens from here on. */
  open(): void {
    this.#openedAt = currentTime()
    if (table.name === 'linux') {
      for (const pid of this.#children()) {
        const record = readStat(pid)
        if (record === undefined) continue
        this.#others.add(keyOf(record))
      }
    }
    this.#around.marks.carry(1)
    this.#announcements.open()
    this.settle()
  }

  close(): void {
    this.#stopLooking?.()
    this.#stopLooking = undefined
    this.#announcements.close()
    this.#stir.close()
    for (const birth of this.#births.values()) this.#around.exited(birth)
    this.#births.clear()
  }

  get level(): ContainmentLevel {
    return this.#contained?.level ?? 'basic'
  }

  /** Whether anything can have been started or left since the last `settle`: two reads. */
  hasStirred(): boolean {
    return (
      this.#announcements.count !== this.#settledAt || this.#exits !== this.#settledExits || this.#stir.hasChanged()
    )
  }

  settle(): void {
    this.#settledAt = this.#announcements.count
    this.#settledExits = this.#exits
    this.#stir.settle()
  }

  #contain(): void {
    if (this.#contained !== undefined) return
    this.#hasMissed = this.#stir.hasChanged()
    this.#contained = this.#around.contain()
  }

  /** How many looks in a row must find nothing: a list of children may miss one while children come and go. */
  get emptyRounds(): number {
    return this.level === 'strict' ? 3 : 2
  }

  /** Whether the last look met the trace of something that was gone too soon: what it started may be new. */
  get isUncertain(): boolean {
    return this.#isUncertain
  }

  /**
   * Whether the last look met one that may be in the middle of an exec, where it has no environment and so nothing to be
   * known by: a moment later it can be told whose it is.
   */
  get isBecoming(): boolean {
    for (const since of this.#becoming.values()) if (now() - since < execTime) return true
    return false
  }

  /** Everything of ours that is alive now. */
  async look(): Promise<Descendant[]> {
    this.#isUncertain = false
    const became = this.#becoming
    this.#becoming = new Map()
    if (this.#contained === undefined) {
      this.#contain()
      // Whatever made somebody look came before anybody could have been told of its orphans.
      this.#hasMissed = true
    }
    for (const birth of this.#births.values()) identify(birth)
    const found = new Map<string, Descendant>()
    if (table.name === 'linux') this.#collectChildren(found)
    // What was orphaned too early is nobody's child here, and is searched for as long as it lives.
    const known = found.size
    if (this.#contained?.isComplete !== true || this.#hasMissed) await this.#collectMarked(found)
    this.#hasMissed = found.size > known
    for (const key of this.#becoming.keys()) this.#becoming.set(key, became.get(key) ?? now())
    const seen = new Set([...found.values()].map(({ birth }) => birth))
    for (const birth of this.#births.values()) {
      if (isHeld(birth) || seen.has(birth)) continue
      this.#births.delete(birth.number)
      this.#past.set(birth.number, birth)
      this.#past.delete(birth.number - remembered)
    }
    return [...found.values()].toSorted((a, b) => a.startTime - b.startTime || a.pid - b.pid)
  }

  /** Our children; of a worker thread, its own and the orphans that came to the main thread. */
  #children(): number[] {
    if (isMainThread) return childrenOf(process.pid, true)
    return [...this.#stir.children(), ...(readChildren(process.pid, process.pid) ?? [])]
  }

  #collectChildren(found: Map<string, Descendant>): void {
    const own = new Set(isMainThread ? [] : this.#stir.children())
    for (const pid of this.#children()) {
      const record = readStat(pid)
      if (record === undefined || this.#others.has(keyOf(record))) continue
      const birth = this.#birthOf(record)
      if (birth === undefined) {
        if (isZombie(record)) {
          this.#takeExit(record)
          continue
        }
        const environment = table.environment(pid)
        if (this.#around.isTaken(record, environment)) continue
        const isMarked = this.#markOf(record, environment) !== undefined
        const isOurs = isMainThread || own.has(pid) || isMarked
        if (!isOurs) {
          this.#noteBecoming(record, environment)
          continue
        }
        // No orphan comes to a worker thread: what is its own child comes from no other.
        if (!isMainThread && own.has(pid) && !isMarked) this.#strays.add(keyOf(record))
        this.#include(found, record, this.#originOf(record, environment))
      } else this.#include(found, record, birth)
    }
  }

  /** Searches the process table for what carries our mark, or was seen below one of ours. */
  async #collectMarked(found: Map<string, Descendant>): Promise<void> {
    const records = table.name === 'linux' ? this.#newcomers.read() : [...(await table.snapshot()).values()]
    const forest = table.name === 'linux' ? undefined : groupByParent(records)
    if (table.name === 'linux' && this.#newcomers.hasLost) this.#isUncertain = true
    for (const record of records) {
      if (isZombie(record)) this.#noteZombie(record)
      if (isZombie(record) || record.pid === process.pid || found.has(keyOf(record))) continue
      if (this.#others.has(keyOf(record)) || table.isOlder(record, { startTime: this.#openedAt })) continue
      const known = this.#birthOf(record)
      const environment = known === undefined ? table.environment(record.pid) : undefined
      if (this.#noteBecoming(record, environment)) this.#newcomers.keep(record.pid)
      // Gone while it was read: what it has started in the meantime may not have been listed.
      if (known === undefined && environment === undefined && isGone(record)) this.#isUncertain = true
      if (known === undefined && this.#markOf(record, environment) === undefined) continue
      if (this.#around.isTaken(record, environment)) continue
      this.#newcomers.keep(record.pid)
      this.#include(found, record, known ?? this.#originOf(record, environment), forest)
    }
  }

  /** In the middle of an exec there is no environment. Kernel threads (children of pid 2) never have one. */
  #noteBecoming(record: ProcessRecord, environment: readonly string[] | undefined): boolean {
    if (environment?.length !== 0 || (record.ppid === 2 && record.session === 0)) return false
    this.#becoming.set(keyOf(record), now())
    return true
  }

  #include(found: Map<string, Descendant>, record: ProcessRecord, birth: Birth | undefined, forest?: Forest): void {
    const visit = (each: ProcessRecord): void => {
      birth?.known.set(each.pid, { pid: each.pid, startTime: each.startTime })
      if (!isZombie(each) && !found.has(keyOf(each))) found.set(keyOf(each), { ...each, birth })
    }
    visit(record)
    if (table.name === 'linux') descendantsOf(record, visit)
    else visitBelow(record.pid, forest ?? new Map(), visit)
  }

  /** The announced child that a process is, or was seen below. */
  #birthOf(record: ProcessRecord): Birth | undefined {
    for (const birth of this.#births.values()) {
      if (birth.identity !== undefined && table.isSame(birth.identity, record)) return birth
      const known = birth.known.get(record.pid)
      if (known !== undefined && table.isSame(known, record)) return birth
    }
    return undefined
  }

  /** The number of the start that a process carries in a mark. */
  #markOf({ pid }: ProcessIdentity, environment: readonly string[] | undefined): number | undefined {
    const mark = this.#around.marks.read(pid, environment)
    return mark?.kind === 'start' ? mark.number : undefined
  }

  /** The announced child that an orphan comes from: by its mark, or because no other can have started it. */
  #originOf(record: ProcessRecord, environment: readonly string[] | undefined): Birth | undefined {
    const origin = this.#strays.has(keyOf(record)) ? undefined : this.#guessOrigin(record, environment)
    // A young process without an environment may be in the middle of an exec: the next look can decide.
    const isUntold = environment?.length === 0 && wallClock() - table.startedAt(record) < execTime
    if (origin === undefined && !isUntold) this.#strays.add(keyOf(record))
    return origin
  }

  #guessOrigin(record: ProcessRecord, environment: readonly string[] | undefined): Birth | undefined {
    const number = this.#markOf(record, environment)
    const isPossible = ({ identity }: Birth): boolean => identity !== undefined && !table.isOlder(record, identity)
    const marked = number === undefined ? undefined : (this.#births.get(number) ?? this.#past.get(number))
    if (marked !== undefined) return isPossible(marked) ? marked : undefined
    if (number !== undefined) return undefined
    const possible = [...this.#births.values()].filter(isPossible)
    return possible.length === 1 ? possible[0] : undefined
  }

  /** What is met as a zombie at first was alive a moment ago, and may have started something since. */
  #noteZombie(record: ProcessIdentity): number {
    const key = keyOf(record)
    const since = this.#zombies.get(key)
    if (since !== undefined) return since
    this.#zombies.set(key, now())
    this.#isUncertain ||= !table.isOlder(record, { startTime: this.#openedAt })
    return now()
  }

  #takeExit(record: ProcessIdentity): void {
    const since = this.#noteZombie(record)
    if (!isMainThread || this.level !== 'strict') return
    if (now() - since >= zombiePatience && this.#around.takeExit(record.pid)) this.#zombies.delete(keyOf(record))
  }

  /** Walks down from what is known while parents live: afterwards nothing leads from one to the other any more. */
  #lookInPassing(): void {
    const begin = now()
    if (begin < this.#nextLook || table.name !== 'linux') return
    if (this.#births.size === 0) {
      this.#stopLooking?.()
      this.#stopLooking = undefined
    }
    for (const birth of this.#births.values()) {
      if (birth.identity === undefined || !isHeld(birth)) continue
      descendantsOf(birth.identity, ({ pid, startTime }) => birth.known.set(pid, { pid, startTime }))
    }
    this.#nextLook = now() + 50 * (now() - begin)
  }
}
