import { type Containment, signalThroughMember } from './containment.js'
import { signalGroup, type SignalOutcome } from '../system/signals.js'
import { isGroupGone, type Member, type ProcessInfo, type Tree } from './tree.js'

/** The process group that a command leads: one signal reaches every member. See setpgid(2) and kill(2). */
export interface ProcessGroup {
  /** The group's number, which is the pid that its leader has or had. */
  readonly id: number
  /**
   * Sends a signal to every member.
   *
   * @throws {UnexpectedExitError} once the leader has exited and no member is alive.
   * @throws {AlreadyExitedError} the same, if the test has seen the exit.
   * @example
   * daemon.group.signal('SIGHUP')
   */
  signal(signal: NodeJS.Signals): void
  /** The living members, including the leader. Zombies do not count. */
  members(): Promise<ProcessInfo[]>
  /** Whether no member is alive. */
  isEmpty(): Promise<boolean>
}

/** A member as a test sees it. */
export const toPublic = ({ pid, ppid, session, state, command, startedAt }: Member): ProcessInfo => ({
  pid,
  ppid,
  session,
  state,
  command,
  startedAt,
})

/** The live members of a tree's own group. */
export async function groupMembers(tree: Tree, containment: Containment): Promise<ProcessInfo[]> {
  if (isGroupGone(tree)) return []
  const { members } = await containment.look([tree])
  return members.filter((member) => member.group === tree.identity.pid).map(toPublic)
}

/** Signals a tree's group at once, through its leader or whatever member is found. Returns `gone` if none is alive. */
export function signalOwnGroup(tree: Tree, signal: NodeJS.Signals): SignalOutcome {
  if (tree.groupIsGone) return 'gone'
  const group = tree.identity.pid
  if (tree.isHeld()) return signalGroup(group, tree.identity, signal)
  return signalThroughMember(tree, signal)
}
