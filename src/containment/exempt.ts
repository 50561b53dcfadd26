import { table } from '../system/process-table/current.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { type Member, splitTrees, type Tree } from './tree.js'

/** What a look tells of a process and where it comes from. */
type Placed = Pick<ProcessRecord, 'pid' | 'startTime' | 'ppid' | 'group' | 'session'>

/** The processes that a kill leaves alive, with whatever comes from them while it goes on. */
export class Exempt {
  readonly #members = new Map<number, Member>()
  /** The start times of all of them, and of those that have come from them, by pid. */
  readonly #starts = new Map<number, number>()

  constructor(members: readonly Member[] = []) {
    for (const member of members) this.add(member)
  }

  add(member: Member): void {
    this.#members.set(member.pid, member)
    this.#starts.set(member.pid, member.startTime)
  }

  clear(): void {
    this.#members.clear()
    this.#starts.clear()
  }

  get members(): readonly Member[] {
    return [...this.#members.values()]
  }

  /** Whether one of them is in the tree's own group. Then the group is never signalled as a whole. */
  splits(tree: Tree): boolean {
    return splitTrees(this.#members.values()).has(tree)
  }

  /** Whether a process is one of them, or has come from one: from its parent, or in the group or session that it leads. */
  has(process: Placed): boolean {
    const { pid, startTime, ppid, group, session } = process
    if (this.#starts.size === 0) return false
    if (this.#starts.get(pid) === startTime) return true
    // Nobody gets the number of a group or session while somebody is in it, but a parent may have gone since.
    const comesFromIt = this.#leads(group, process) || this.#leads(session, process) || this.#isThere(ppid)
    if (comesFromIt) this.#starts.set(pid, startTime)
    return comesFromIt
  }

  #leads(number: number, { pid, startTime }: Placed): boolean {
    const start = this.#starts.get(number)
    return start !== undefined && number !== pid && start <= startTime
  }

  #isThere(pid: number): boolean {
    const startTime = this.#starts.get(pid)
    const holder = startTime === undefined ? undefined : table.identify(pid)
    return holder !== undefined && table.isSame(holder, { pid, startTime: startTime! })
  }
}
