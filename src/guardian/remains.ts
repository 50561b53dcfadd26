import { markName, outsideName, parseMarks } from '../containment/marks.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from '../system/process-table/table.js'

// What of a dead worker's is alive: a pure function of what was read. Nothing here asks the system.

/** What the worker had open when it died. */
export interface Estate {
  readonly worker: ProcessIdentity
  /** The token in the name of its mark. */
  readonly mark: string
  /**
   * The groups and sessions that its commands led. Their numbers were theirs until `before`: who started earlier and
   * is in one was in it then, and who started later may be a stranger in a number that was used again.
   */
  readonly groups: readonly Group[]
  readonly processes: readonly ProcessIdentity[]
  readonly exempt: readonly ProcessIdentity[]
  readonly exemptTrees: ReadonlySet<string>
  /** Whether a path is in one of its workspaces. */
  isInWorkspace(path: string): boolean
}

export interface Group {
  readonly leader: ProcessIdentity
  readonly before: number
}

/** What was read of the machine at one moment. */
export interface Machine {
  readonly records: ReadonlyMap<number, ProcessRecord>
  readonly user: number
  /** Whose child an orphan becomes. */
  readonly reapers: ReadonlySet<number>
  isSame(a: ProcessIdentity, b: ProcessIdentity): boolean
  isOlder(a: Pick<ProcessIdentity, 'startTime'>, b: Pick<ProcessIdentity, 'startTime'>): boolean
  environment(pid: number): readonly string[] | undefined
  owner(pid: number): number | undefined
  /** Its working directory and open files. */
  places(pid: number): readonly string[]
}

export interface Remains {
  readonly ours: readonly ProcessRecord[]
  /** The groups of which every member is ours, by a member of each. */
  readonly groups: ReadonlyMap<number, ProcessRecord>
  /** Young, of this user, and without an environment: in the middle of an exec, or of its end. */
  readonly unread: readonly ProcessRecord[]
}

/** Of a process, what stands in its environment. */
type Sign = 'marked' | 'exempt' | 'outside' | 'none' | 'unreadable'

/** Whether text was an environment once: a daemon that writes its title over it leaves nothing of that kind. */
const isVariable = (entry: string): boolean => /^[A-Za-z_]\w*=/.test(entry)

class Search {
  readonly #estate: Estate
  readonly #machine: Machine
  readonly #live: readonly ProcessRecord[]
  readonly #children = new Map<number, ProcessRecord[]>()
  readonly #signs = new Map<number, Sign>()
  readonly exempt = new Set<number>()
  readonly ours = new Map<number, ProcessRecord>()
  readonly groups = new Map<number, ProcessRecord>()

  constructor(estate: Estate, machine: Machine) {
    this.#estate = estate
    this.#machine = machine
    this.#live = [...machine.records.values()].filter((record) => !isZombie(record))
    for (const record of this.#live) {
      const siblings = this.#children.get(record.ppid)
      if (siblings === undefined) this.#children.set(record.ppid, [record])
      else siblings.push(record)
    }
  }

  run(): Remains {
    const { exempt, processes } = this.#estate
    for (const record of this.#live) if (this.#isOneOf(exempt, record)) this.#include(this.exempt, record)
    // What started before the worker is nothing that it started.
    const young = this.#live.filter((record) => !this.#machine.isOlder(record, this.#estate.worker))
    for (const record of young) if (this.#signOf(record) === 'exempt') this.#include(this.exempt, record)
    for (const record of this.#live) if (this.#isOneOf(processes, record)) this.#add(record)
    for (const record of young) if (this.#signOf(record) === 'marked') this.#add(record)
    for (const group of this.#estate.groups) this.#addGroup(group)
    for (const record of young) if (!this.ours.has(record.pid) && this.#isOrphanInWorkspace(record)) this.#add(record)
    const unread = young.filter((record) => !this.ours.has(record.pid) && this.#isUnread(record))
    return { ours: [...this.ours.values()], groups: this.groups, unread }
  }

  #isOneOf(identities: readonly ProcessIdentity[], record: ProcessRecord): boolean {
    return identities.some((each) => this.#machine.isSame(each, record))
  }

  /** With all that is below it. */
  #include(found: Set<number>, record: ProcessRecord): void {
    if (found.has(record.pid)) return
    found.add(record.pid)
    for (const child of this.#children.get(record.pid) ?? []) this.#include(found, child)
  }

  #add(record: ProcessRecord): void {
    if (this.ours.has(record.pid) || this.exempt.has(record.pid)) return
    this.ours.set(record.pid, record)
    for (const child of this.#children.get(record.pid) ?? []) this.#add(child)
  }

  /** A number is not used again while a member has it: with one member known, all are. */
  #addGroup({ leader, before }: Group): void {
    const number = leader.pid
    const holder = this.#machine.records.get(number)
    const isLeader = holder !== undefined && this.#machine.isSame(holder, leader)
    // Somebody else has the number: so nobody of ours was left in the group.
    if (holder !== undefined && !isLeader) return
    const members = this.#live.filter(
      (record) => (record.group === number || record.session === number) && !this.#machine.isOlder(record, leader),
    )
    const isOurs = (record: ProcessRecord): boolean =>
      isLeader || record.startTime < before || this.ours.has(record.pid)
    const inGroup = members.filter((record) => record.group === number)
    if (inGroup.some(isOurs)) for (const record of inGroup) this.#addWitness(number, record)
    if (members.some((record) => record.session === number && isOurs(record))) {
      for (const record of members) if (record.session === number) this.#addWitness(record.group, record)
    }
  }

  #addWitness(group: number, record: ProcessRecord): void {
    this.#add(record)
    if (this.ours.has(record.pid)) this.groups.set(group, record)
  }

  #signOf(record: ProcessRecord): Sign {
    const known = this.#signs.get(record.pid)
    if (known !== undefined) return known
    const sign = this.#readSign(record)
    this.#signs.set(record.pid, sign)
    return sign
  }

  #readSign({ pid }: ProcessRecord): Sign {
    const environment = this.#machine.environment(pid)
    if (environment === undefined || environment.length === 0) return 'unreadable'
    const mark = environment.find((entry) => entry.startsWith(`${markName(this.#estate.mark)}=`))
    if (mark !== undefined) {
      const [tree] = parseMarks([mark]).map((each) => each.tree)
      return tree !== undefined && this.#estate.exemptTrees.has(tree) ? 'exempt' : 'marked'
    }
    if (environment.some((entry) => entry.startsWith(`${outsideName(this.#estate.mark)}=`))) return 'outside'
    return environment.some(isVariable) ? 'none' : 'unreadable'
  }

  /** Where no mark can be read, a workspace speaks for an orphan without a terminal. Nobody else's can be in it. */
  #isOrphanInWorkspace(record: ProcessRecord): boolean {
    const { machine, estate } = { machine: this.#machine, estate: this.#estate }
    if (this.exempt.has(record.pid) || record.hasTerminal || !machine.reapers.has(record.ppid)) return false
    const sign = this.#signOf(record)
    if (sign === 'outside' || sign === 'exempt' || machine.owner(record.pid) !== machine.user) return false
    return machine.places(record.pid).some((place) => estate.isInWorkspace(place))
  }

  #isUnread(record: ProcessRecord): boolean {
    // Threads of the kernel, children of number 2, never have an environment.
    if (this.exempt.has(record.pid) || record.ppid === 2 || record.pid === 2) return false
    return this.#signOf(record) === 'unreadable' && this.#machine.owner(record.pid) === this.#machine.user
  }
}

/** What is alive of an estate. */
export const findRemains = (estate: Estate, machine: Machine): Remains => new Search(estate, machine).run()
