import { holderOf } from '../system/process-table/holder.js'
import { BasicContainment } from '../containment/basic.js'
import type { KillOutcome } from '../containment/containment.js'
import type { Self } from '../containment/facts.js'
import { carriesLocksMark, readLocksMark } from '../containment/locks-mark.js'
import { markName, outsideName, parseMarks } from '../containment/marks.js'
import { remember, type Root, track } from '../containment/root.js'
import { TableSource } from '../containment/table-source.js'
import { type Member, toMember, type Tree } from '../containment/tree.js'
import { pidsFrom } from '../system/forest.js'
import { table } from '../system/process-table/current.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import { ownAncestors } from '../system/signals.js'
import { type WorkerRecord, workspacesOf } from '../workspace/record.js'
import type { Line } from './protocol.js'

// Treats what a dead worker had open as roots of the same engine that fixtures use, with the process table as its source.

type GroupLine = Extract<Line, { readonly kind: 'group' }>

/** The pid of a root of which only its marks and its folder are known: no process has it. */
const nobody = 0
/** The folder of a root that is not known by its folder: no path can be this. */
const nowhere = '\0'

/** The process table without the exempt processes and their descendants, and without this process and its group. */
class EstateSource extends TableSource {
  readonly #records: readonly WorkerRecord[]
  readonly #groups: readonly { readonly root: Root; readonly line: GroupLine }[]
  readonly #end: number
  /** The exempt processes that the last look left out. */
  exempt: readonly ProcessRecord[] = []

  constructor(
    self: Self,
    records: readonly WorkerRecord[],
    groups: readonly { readonly root: Root; readonly line: GroupLine }[],
    reapers: readonly number[],
  ) {
    super(self, reapers)
    this.#records = records
    this.#groups = groups
    this.#end = table.startTimeNow()
  }

  /** Whether anything is exempt. */
  get mayExempt(): boolean {
    return this.#records.some(({ exempt, exemptTrees }) => exempt.length + exemptTrees.length > 0)
  }

  override async read(roots: readonly Root[]): Promise<ReadonlyMap<number, ProcessRecord>> {
    const all = await super.read(roots)
    const own = all.get(process.pid)?.group
    const others = new Map([...all].filter(([pid, { group }]) => group !== own && !ownAncestors().has(pid)))
    this.exempt = this.#exemptIn(others)
    for (const { pid } of this.exempt) others.delete(pid)
    for (const { root, line } of this.#groups) this.#remember(root, line, others)
    return others
  }

  /**
   * A process that was in a group before its leader exited, or before the worker died, is known for good: the kernel does
   * not reuse the number of a group that has members. A later member may be a stranger in a group with a reused number.
   */
  #remember(root: Root, { leader, before = this.#end }: GroupLine, records: ReadonlyMap<number, ProcessRecord>): void {
    const holder = records.get(leader.pid)
    if (holder !== undefined && !table.isSame(holder, leader)) return
    for (const record of records.values()) {
      const isMember = record.group === leader.pid || record.session === leader.pid
      if (isMember && !table.isOlder(record, leader) && record.startTime < before) remember(root, record)
    }
  }

  /** The exempt processes, and all that has come from them. */
  #exemptIn(records: ReadonlyMap<number, ProcessRecord>): ProcessRecord[] {
    if (!this.mayExempt) return []
    const all = [...records.values()]
    const found = pidsFrom(all, (record) => this.#isExempt(record))
    return all.filter(({ pid }) => found.has(pid))
  }

  /** What an allowed process has started while the table was listed is exempt, too. */
  override spares(record: ProcessRecord): boolean {
    if (!this.mayExempt) return false
    for (let each: ProcessRecord | undefined = record; each !== undefined; each = table.identify(each.ppid)) {
      const leaders = [each.group, each.session].flatMap((pid) => table.identify(pid) ?? [])
      if ([each, ...leaders].some((one) => this.#isExempt(one))) return true
    }
    return false
  }

  #isExempt(record: ProcessRecord): boolean {
    return this.#records.some(({ owner, mark, exempt, exemptTrees }) => {
      if (exempt.some((each) => table.isSame(each, record))) return true
      if (exemptTrees.length === 0 || table.isOlder(record, owner)) return false
      const own = table.environment(record.pid)?.find((entry) => entry.startsWith(`${markName(mark)}=`))
      const trees = own === undefined ? [] : parseMarks([own]).map(({ tree }) => tree)
      if (exemptTrees.some(({ tree }) => trees.includes(tree))) return true
      const locks = table.name === 'linux' ? readLocksMark(record.pid) : undefined
      return (
        locks !== undefined &&
        exemptTrees.some((each) => each.locks !== undefined && carriesLocksMark(locks, each.locks))
      )
    })
  }
}

/** The dead worker whose processes are looked for. */
export interface DeadWorker {
  readonly startTime: number
  /** The worker's session, if it is known. The runner is in the same one. */
  readonly session: number | undefined
  /** The token in the name of the worker's mark. */
  readonly token: string
  /** The bits with which all second marks of the worker begin, if it had any. */
  readonly locks: bigint | undefined
}

/** Everything that a dead worker had open. */
export class Estate {
  readonly #trees: Set<Tree>
  readonly #source: EstateSource
  readonly #containment: BasicContainment

  /**
   * @param lines what the worker told the guardian, if known.
   * @param reapers the processes that adopt orphans, besides process 1.
   */
  constructor(
    { startTime, session = 0, token, locks }: DeadWorker,
    records: readonly WorkerRecord[],
    lines: readonly Line[] = [],
    reapers: readonly number[] = [],
  ) {
    const rootOf = (identity: ProcessIdentity, leadsGroup: boolean, workspace: string): Tree =>
      track({
        identity,
        mark: `${markName(token)}=`,
        locks,
        owner: { kind: 'command', fixture: 'estate', number: 0 } as const,
        leadsGroup,
        workerSession: session,
        workspace,
        streams: new Set<string>(),
        isHeld: () => leadsGroup && isThere(identity),
        groupIsGone: !leadsGroup,
      })
    const places = [nowhere, ...records.flatMap(workspacesOf)]
    const processes = lines.flatMap((line) => (line.kind === 'process' ? [rootOf(line.identity, false, nowhere)] : []))
    const groups = lines.flatMap((line) =>
      line.kind === 'group' ? [{ root: rootOf(line.leader, true, nowhere), line }] : [],
    )
    const byMark = places.map((place) => rootOf({ pid: nobody, startTime }, false, place))
    this.#trees = new Set([...groups.map(({ root }) => root), ...processes, ...byMark])
    const self = { session, outside: new Set([outsideName(token)]) }
    this.#source = new EstateSource(self, records, groups, reapers)
    this.#containment = new BasicContainment(this.#trees, self, this.#source)
  }

  /** The live processes that are not exempt. */
  async look(): Promise<readonly Member[]> {
    return (await this.#containment.look([...this.#trees])).members
  }

  /** Ends everything that is not exempt. */
  async kill(timeout: number): Promise<KillOutcome> {
    // Only a look tells which processes are exempt, and no group may be signalled before that is known.
    if (this.#source.mayExempt) await this.look()
    const [any] = this.#trees
    // A group with an exempt member is not signalled as a whole.
    const exempt = this.#source.exempt.map((record) => {
      const tree = [...this.#trees].find(({ identity }) => identity.pid === record.group) ?? any!
      return toMember(record, tree, 'group')
    })
    return this.#containment.kill([...this.#trees], timeout, exempt)
  }

  get exempt(): readonly ProcessIdentity[] {
    return this.#source.exempt
  }
}

const isThere = (identity: ProcessIdentity): boolean => holderOf(identity) !== undefined
