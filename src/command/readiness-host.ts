import type { ReadinessHost } from '../readiness/wait-for-http.js'
import type { Command } from './command.js'

/** ms between two looks for listening processes. */
const portInterval = 20

/** The command as `readiness/` needs it. `what` is the name of the wait in a trace. */
export function readinessHost(command: Command, what: string): ReadinessHost {
  const { record, waits } = command
  return {
    command: command.command,
    cwd: command.cwd,
    members: async () => {
      const { members, isUncertain } = await command.look()
      return { pids: members.map(({ pid }) => pid), isUncertain }
    },
    hasSettled: () => record.isSettled,
    whatIfGone: () => {
      const isKnown = record.knowledge === 'exited, seen'
      return () => (isKnown && !record.isTimedOut ? record.errorOnceExited('exited, seen')! : record.endOfWait())
    },
    excuseExit: () => record.see('read'),
    wait: (attempt, { timeout }, explain) => waits.add(attempt, timeout, { interval: portInterval, explain, what }),
  }
}
