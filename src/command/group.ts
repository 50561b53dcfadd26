import { checkSignal } from '../base/check.js'
import { ProctorError } from '../base/errors.js'
import type { Containment } from '../containment/containment.js'
import { groupMembers, type ProcessGroup, signalOwnGroup } from '../containment/process-group.js'
import type { Command } from './command.js'

/** The process group that a command leads, as a test sees it. */
export function groupOf(command: Command, containment: Containment): ProcessGroup {
  const { tree, record } = command
  if (tree === undefined) throw record.seenSpawnError() ?? new ProctorError(`${command.command} has not started.`)
  return {
    id: tree.identity.pid,
    signal: (signal) => {
      checkSignal('group.signal', signal)
      record.noteSignalled()
      command.listener?.calls(`group.signal('${signal}')`, 'signal')()
      command.signalLog.add(signal, 'test', 'group')
      const outcome = signalOwnGroup(tree, signal)
      if (outcome === 'forbidden')
        throw new ProctorError(`No permission to signal the group of ${command.command} (EPERM).`)
      if (outcome === 'gone') record.throwOnceExited()
    },
    members: () => groupMembers(tree, containment),
    isEmpty: async () => (await groupMembers(tree, containment)).length === 0,
  }
}
