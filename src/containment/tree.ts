import { table } from '../system/process-table/current.js'
import { groupExists, hasHolder } from '../system/signals.js'
import type { Evidence } from './evidence.js'
import type { Owner, Root, StreamNames } from './root.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'

/** A process of a group or a tree, as tests see it. */
export interface ProcessInfo {
  readonly pid: number
  readonly ppid: number
  /** 0 if the platform does not tell. */
  readonly session: number
  /** One letter, as in ps(1): R, S, D, T, Z … */
  readonly state: string
  /** As a shell would show it. */
  readonly command: string
  readonly startedAt: Date
}

/** A living process of a command's tree. */
export interface Member extends ProcessInfo, ProcessIdentity {
  readonly group: number
  readonly evidence: Evidence
  readonly tree: Tree
  /** Reads what is only read on demand, while it can still be read, and returns everything as plain data. */
  describe(): PlainMember
}

/** A member without the properties that are read on demand. */
export type PlainMember = Omit<Member, 'describe' | 'tree'>

/** What is known about one command's processes. */
export interface Tree extends Root {
  readonly owner: Extract<Owner, { readonly kind: 'command' }>
  readonly workspace: string
  readonly streams: StreamNames
  /** Whether a throw-away parent is between its leader and this process. */
  readonly hasOwnParent?: boolean
  /** Resolves at the news of its leader's exit. Undefined for another thread's. */
  readonly leaderExit?: Promise<void>
  /** The group was seen empty. Its number may be a stranger's by now and is not signalled again. */
  groupIsGone: boolean
}

/**
 * Whether a tree's group has ended: its leader was waited for and nobody is in it. The answer is final, because the
 * number may be a stranger's a moment later.
 */
export function isGroupGone(tree: Tree): boolean {
  if (!tree.groupIsGone && !tree.isHeld()) tree.groupIsGone = !groupExists(tree.identity.pid)
  return tree.groupIsGone
}

/** Whether a tree's leader is alive but hidden in /proc, because it has changed its user (hidepid). */
export const isLeaderHidden = (tree: Tree): boolean =>
  tree.isHeld() && table.identify(tree.identity.pid) === undefined && hasHolder(tree.identity.pid)

export const isLeader = (tree: Tree, record: ProcessIdentity): boolean => table.isSame(tree.identity, record)

/** The state of a child that /proc hides. The kernel does not use this letter. */
const hiddenState = '?'

/** A child of this process of which only the pid is known. */
export const hiddenChild = (pid: number): ProcessRecord => ({
  pid,
  ppid: process.pid,
  startTime: table.startTimeNow(),
  group: 0,
  session: 0,
  state: hiddenState,
  hasTerminal: false,
})

/** Why nothing more is known of it. */
export const hiddenReason = "/proc does not show it (another user's, and hidepid?)"

export const isHidden = ({ state }: Pick<ProcessRecord, 'state'>): boolean => state === hiddenState

export const toInfo = (record: ProcessRecord): ProcessInfo => ({
  pid: record.pid,
  ppid: record.ppid,
  session: record.session,
  state: record.state,
  command: table.commandLine(record.pid),
  startedAt: new Date(table.startedAt(record)),
})

/** A member whose command line and start are read on demand, which never happens for most members. */
class TreeMember implements Member {
  readonly pid: number
  readonly startTime: number
  readonly ppid: number
  readonly group: number
  readonly session: number
  readonly state: string
  readonly evidence: Evidence
  readonly tree: Tree
  #command: string | undefined
  #startedAt: Date | undefined

  constructor(record: ProcessRecord, tree: Tree, evidence: Evidence) {
    this.pid = record.pid
    this.startTime = record.startTime
    this.ppid = record.ppid
    this.group = record.group
    this.session = record.session
    this.state = record.state
    this.evidence = evidence
    this.tree = tree
  }

  get command(): string {
    return (this.#command ??= table.commandLine(this.pid))
  }

  get startedAt(): Date {
    return (this.#startedAt ??= new Date(table.startedAt(this)))
  }

  describe(): PlainMember {
    const { pid, startTime, ppid, group, session, state, evidence, command, startedAt } = this
    return { pid, startTime, ppid, group, session, state, evidence, command, startedAt }
  }
}

export const toMember = (record: ProcessRecord, tree: Tree, evidence: Evidence): Member =>
  new TreeMember(record, tree, evidence)

/** Makes a member from plain data. */
export const fromPlain = (plain: PlainMember, tree: Tree): Member => ({ ...plain, tree, describe: () => plain })

/** The trees whose own group is not signalled as a whole, because an exempt process is in it. */
export const splitTrees = (exempt: Iterable<Member>): ReadonlySet<Tree> =>
  new Set([...exempt].filter(({ group, tree }) => group === tree.identity.pid).map(({ tree }) => tree))

/** If a tree has more members than this, their command lines are not read before they are killed. */
const describedAlways = 64

/**
 * Reads the command lines of members that are about to be killed: dead processes have none. In a large tree only those of
 * session leaders are read, because another proctor's guardian leads one. A leader is known by the command that started
 * it.
 */
export function describeBeforeEnd(members: readonly Member[]): void {
  for (const member of members) {
    const isAsked = members.length <= describedAlways || member.session === member.pid
    if (isAsked && member.evidence !== 'leader') member.describe()
  }
}
