import { ContainmentError } from '../base/errors.js'
import { table } from '../system/process-table/current.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { signalGroup, signalHeldGroup, signalProcess, type SignalOutcome } from '../system/signals.js'
import { isKnown } from './attribute.js'
import { carriesLocksMark, readLocksMark } from './locks-mark.js'
import { isProven } from './root.js'
import { hiddenReason, isHidden, isLeaderHidden, type Member, type ProcessInfo, type Tree } from './tree.js'

/** How emptiness is proven: by the kernel's own list of children, or by a deep scan of the process table. */
export type ContainmentLevel = 'strict' | 'basic'

/** A process that is alive after SIGKILL, and why. */
export interface Survivor extends Member {
  /** The user id that owns it, where it can be read. */
  readonly owner: number | undefined
  readonly reason: string
}

export interface Sighting {
  readonly members: readonly Member[]
  /** Orphans that nothing attributes to one of several fixtures: reported, not signalled. */
  readonly unattributed: readonly ProcessInfo[]
  /** Something is alive that could not be read. */
  readonly isUncertain: boolean
}

export interface KillOutcome {
  readonly survivors: readonly Survivor[]
  /** What was found alive, when the kill began or later. */
  readonly killed: readonly Member[]
  /** Orphans that may be of these trees or of others: not signalled. */
  readonly unattributed: readonly ProcessInfo[]
}

/** Knows which processes are whose, ends them, and proves that they are gone. One in a worker. */
export interface Containment {
  readonly level: ContainmentLevel
  /** A fixture lives from here … */
  enter(fixture: string): void
  /** … to here. */
  leave(fixture: string): void
  /** A command was started. */
  add(tree: Tree): void
  /** A command's tree was proven dead: its processes need not be attributed any more. */
  remove(tree: Tree): void
  /** What is alive of these trees. Zombies are not. */
  look(trees: readonly Tree[]): Promise<Sighting>
  /** Sends SIGKILL to what is alive of these trees, except `exempt`, until nothing is or `timeout` ms have passed. */
  kill(trees: readonly Tree[], timeout: number, exempt?: readonly Member[]): Promise<KillOutcome>
}

/** A look from a timer: what cannot be read now is read, or complained of, when it counts. */
export function inPassing(look: () => void): void {
  try {
    look()
  } catch (error) {
    if (!(error instanceof ContainmentError)) throw error
  }
}

/** Signals a tree's group while it is known to be its own: while its leader is not waited for, or a member is in it. */
export function signalTreeGroup(tree: Tree, members: readonly Member[], signal: NodeJS.Signals): SignalOutcome {
  if (tree.groupIsGone) return 'gone'
  const group = tree.identity.pid
  if (tree.isHeld() && signalGroup(group, tree.identity, signal) === 'sent') return 'sent'
  if (isLeaderHidden(tree) && signalHeldGroup(group, signal) === 'sent') return 'sent'
  for (const member of members) {
    if (member.tree !== tree || member.group !== group || !isProven(member)) continue
    const outcome = signalGroup(group, member, signal)
    if (outcome !== 'gone') return outcome
  }
  // Every listed member has exited; any child it forked first is still in the group.
  const wasInhabited = members.some((member) => member.tree === tree && member.group === group)
  return wasInhabited ? signalThroughMember(tree, signal) : 'gone'
}

/** Signals a tree's group through whatever member is found now. `gone` when none lives. */
export function signalThroughMember(tree: Tree, signal: NodeJS.Signals): SignalOutcome {
  const group = tree.identity.pid
  for (const member of table.membersOf(group)) {
    // The number may be a stranger's by now: of somebody the proof must be there, and then it is there of all.
    if (table.isOlder(member, tree.identity) || !isOfTree(tree, member)) continue
    const outcome = signalGroup(group, member, signal)
    if (outcome !== 'gone') return outcome
  }
  return 'gone'
}

/** Whether a process that is met now is of a tree: seen in it, in a group where somebody was seen, or marked. */
function isOfTree(tree: Tree, record: ProcessRecord): boolean {
  if (isKnown(tree, record) || tree.groups.has(record.group)) return true
  if (table.environment(record.pid)?.includes(tree.mark) === true) return true
  const limits = tree.locks === undefined ? undefined : readLocksMark(record.pid)
  return limits !== undefined && carriesLocksMark(limits, tree.locks!)
}

/**
 * Signals every group of these trees and, one by one, what has left them. Stopped members are continued for it.
 * Where one of `exempt` is in the group, its other members are signalled one by one too.
 */
export function signalTrees(
  trees: readonly Tree[],
  members: readonly Member[],
  signal: NodeJS.Signals,
  exempt: readonly Member[] = [],
): void {
  const inOwnGroup = (member: Member): boolean => member.group === member.tree.identity.pid
  const split = new Set(exempt.filter(inOwnGroup).map(({ tree }) => tree))
  for (const tree of trees) if (!split.has(tree)) signalTreeGroup(tree, members, signal)
  // Another group is signalled as a whole where it was made by this tree. One that was found by its place, or by
  // elimination, may be in a group of somebody else's.
  const splitGroups = new Set(exempt.map(({ group }) => group))
  const signalled = new Set<number>()
  for (const member of members) {
    if (exempt.some((each) => table.isSame(each, member))) continue
    const { group } = member
    const isAlone = split.has(member.tree) || !isProven(member)
    if (inOwnGroup(member) ? isAlone : splitGroups.has(group)) signalProcess(member, signal)
    else if (!inOwnGroup(member) && !signalled.has(group)) {
      const isGroupOurs = member.tree.groups.has(group) && isProven(member)
      if (isGroupOurs && signalGroup(group, member, signal) === 'sent') signalled.add(group)
      else signalProcess(member, signal)
    }
    if (member.state === 'T' && signal !== 'SIGKILL') signalProcess(member, 'SIGCONT')
  }
}

/** Says of a process that is alive after SIGKILL why it may be so. */
export function toSurvivor(member: Member, outcome: SignalOutcome): Survivor {
  const owner = table.owner(member.pid)
  const state = table.identify(member.pid)?.state ?? member.state
  const user = owner === undefined ? '' : `, uid ${owner}`
  const waiting = table.waitChannel(member.pid)
  const reason = isHidden(member)
    ? hiddenReason
    : outcome === 'forbidden'
      ? `no permission to signal it (EPERM${user}, state ${state})`
      : outcome === 'gone'
        ? 'it forks and exits faster than it can be signalled'
        : `alive after SIGKILL (state ${state}${user}${state === 'D' && waiting ? `, in ${waiting}` : ''})`
  const plain = { ...member.describe(), state }
  return { ...plain, tree: member.tree, describe: () => plain, owner, reason }
}

/** What a report says where the wished level is not to be had. */
export function refuseStrict(reason: string): ContainmentError {
  return new ContainmentError(
    `containment: 'strict' is not to be had here: ${reason}. Accepted here are 'auto' and 'basic'.`,
  )
}
