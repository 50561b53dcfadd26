import { leadingBack } from '../base/call-site.js'
import { checkSignal } from '../base/check.js'
import { ProctorError } from '../base/errors.js'
import type { Containment } from '../containment/containment.js'
import { groupMembers, type ProcessGroup, signalOwnGroup, toPublic } from '../containment/process-group.js'
import type { ProcessInfo, Tree } from '../containment/tree.js'
import type { Command } from './command.js'

/** The process group that a command leads, as a test sees it. */
export function groupOf(command: Command, containment: Containment): ProcessGroup {
  const { ownTree: tree, record } = command
  if (tree === undefined) throw record.seenSpawnError() ?? new ProctorError(`${command.command} has not started.`)
  return {
    id: tree.identity.pid,
    signal: (signal) => leadingBack(() => signalGroup(command, tree, signal)),
    members: () => leadingBack(() => groupMembers(tree, containment)),
    isEmpty: () => leadingBack(async () => (await groupMembers(tree, containment)).length === 0),
  }
}

function signalGroup({ command, record, listener, signalLog }: Command, tree: Tree, signal: NodeJS.Signals): void {
  checkSignal('group.signal', signal)
  record.noteSignalled()
  listener?.calls(`group.signal('${signal}')`, 'signal')()
  signalLog.add(signal, 'test', 'group')
  const outcome = signalOwnGroup(tree, signal)
  if (outcome === 'forbidden') throw new ProctorError(`No permission to signal the group of ${command} (EPERM).`)
  if (outcome === 'gone') record.throwOnceExited()
}

/** The living processes of a command, the oldest first. There are none once its tree was proven dead. */
export async function membersOf(command: Command): Promise<ProcessInfo[]> {
  command.record.throwUnlessStarted()
  const { members } = await command.look()
  return members.map(toPublic).toSorted((a, b) => Number(a.startedAt) - Number(b.startedAt) || a.pid - b.pid)
}
