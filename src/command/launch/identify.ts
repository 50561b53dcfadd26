import { table } from '../../system/process-table/current.js'
import type { ProcessIdentity } from '../../system/process-table/table.js'
import { hasHolder, killHeldChild } from '../../system/signals.js'

/**
 * A child that /proc hides: it has become another user's already (hidepid). Its number is its own until it is waited for,
 * and its start is an estimate until it can be read.
 */
function hiddenIdentity(pid: number, isHeld: () => boolean): ProcessIdentity {
  let startTime = table.startTimeNow()
  let isRead = false
  return {
    pid,
    get startTime() {
      const record = isRead || !isHeld() ? undefined : table.identify(pid)
      if (record === undefined) return startTime
      isRead = true
      return (startTime = record.startTime)
    },
  }
}

/**
 * Identifies a child that was just started. If that fails, nothing could find the child again, so it is killed at once.
 *
 * @param isHeld whether nobody has waited for it yet.
 */
export function identify(pid: number, isHeld: () => boolean): ProcessIdentity | Error {
  let reason: unknown
  try {
    const record = table.identify(pid)
    if (record !== undefined) return { pid, startTime: record.startTime }
    if (isHeld() && hasHolder(pid)) return hiddenIdentity(pid, isHeld)
  } catch (error) {
    reason = error
  }
  killHeldChild(pid, isHeld)
  const code = codeOf(reason) ?? codeOf((reason as Error | undefined)?.cause)
  return Object.assign(new Error('the process table does not show it', { cause: reason }), { code })
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code
