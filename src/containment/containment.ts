import { ContainmentError } from '../base/errors.js'
import { table } from '../system/process-table/current.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { signalGroup, signalHeldGroup, signalProcess, type SignalOutcome } from '../system/signals.js'
import { isKnown } from './attribute.js'
import { carriesLocksMark, readLocksMark } from './locks-mark.js'
import { isProven } from './root.js'
import { hiddenReason, isHidden, isLeaderHidden, type Member, type ProcessInfo, splitTrees, type Tree } from './tree.js'

/** How emptiness is proven: by the kernel's own list of children, or by a deep scan of the process table. */
export type ContainmentLevel = 'strict' | 'basic'

/** A process that is alive after SIGKILL, and why. */
export interface Survivor extends Member {
  /** The id of the user it runs as, if it can be read. */
  readonly owner: number | undefined
  readonly reason: string
}

export interface Sighting {
  readonly members: readonly Member[]
  /** Orphans that may belong to one of several fixtures. They are reported, not signalled. */
  readonly unattributed: readonly ProcessInfo[]
  /** Whether something is alive that could not be read. */
  readonly isUncertain: boolean
}

export interface KillOutcome {
  readonly survivors: readonly Survivor[]
  /** What was alive when the kill began or was found later. */
  readonly killed: readonly Member[]
  /** Orphans that may belong to these trees or to others. They are not signalled. */
  readonly unattributed: readonly ProcessInfo[]
}

/**
 * Knows which process belongs to which command, ends them, and proves that they are gone. There is one in each worker.
 */
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
  /** The living processes of these trees, without zombies. */
  look(trees: readonly Tree[]): Promise<Sighting>
  /**
   * Sends SIGKILL to the living processes of these trees, except `exempt`, until none is left or `timeout` ms have
   * passed.
   */
  kill(trees: readonly Tree[], timeout: number, exempt?: readonly Member[]): Promise<KillOutcome>
}

/** Looks from a timer, and ignores errors: whatever cannot be read now is read again, and reported, when it counts. */
export function inPassing(look: () => void): void {
  try {
    look()
  } catch (error) {
    if (!(error instanceof ContainmentError)) throw error
  }
}

/**
 * Signals a tree's group while its number is certainly its own: while nobody has waited for its leader, or a member is
 * in it.
 */
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

/** Signals a tree's group through whatever member is found now. Returns `gone` if none is alive. */
export function signalThroughMember(tree: Tree, signal: NodeJS.Signals): SignalOutcome {
  const group = tree.identity.pid
  for (const member of table.membersOf(group)) {
    // The number may belong to strangers by now. If one member is proven to be ours, the group is.
    if (table.isOlder(member, tree.identity) || !isOfTree(tree, member)) continue
    const outcome = signalGroup(group, member, signal)
    if (outcome !== 'gone') return outcome
  }
  return 'gone'
}

/**
 * Whether a process that is found now belongs to a tree: it was seen there, or is in a group where somebody was seen,
 * or carries the mark.
 */
function isOfTree(tree: Tree, record: ProcessRecord): boolean {
  if (isKnown(tree, record) || tree.groups.has(record.group)) return true
  if (table.environment(record.pid)?.includes(tree.mark) === true) return true
  const limits = tree.locks === undefined ? undefined : readLocksMark(record.pid)
  return limits !== undefined && carriesLocksMark(limits, tree.locks!)
}

/**
 * Signals every group of these trees, and what has left the groups one by one. Stopped members are continued. If one of
 * `exempt` is in a group, its other members are signalled one by one, too.
 */
export function signalTrees(
  trees: readonly Tree[],
  members: readonly Member[],
  signal: NodeJS.Signals,
  exempt: readonly Member[] = [],
): void {
  const inOwnGroup = (member: Member): boolean => member.group === member.tree.identity.pid
  const split = splitTrees(exempt)
  for (const tree of trees) if (!split.has(tree)) signalTreeGroup(tree, members, signal)
  // Another group is signalled as a whole if this tree has made it. A process that was found by its folder or by
  // elimination may be in a group of somebody else.
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

/** Says why a process is still alive after SIGKILL. */
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

/** The error if the requested level is unavailable. */
export function refuseStrict(reason: string): ContainmentError {
  return new ContainmentError(
    `containment: 'strict' is not to be had here: ${reason}. Accepted here are 'auto' and 'basic'.`,
  )
}
