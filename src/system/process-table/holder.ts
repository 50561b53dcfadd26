import { table } from './current.js'
import { isZombie, type ProcessIdentity, type ProcessRecord } from './table.js'

/** The record of a process, if its pid is still its own. A zombie keeps its pid. */
export function holderOf(identity: ProcessIdentity): ProcessRecord | undefined {
  const holder = table.identify(identity.pid)
  return holder !== undefined && table.isSame(holder, identity) ? holder : undefined
}

/** Whether a process has not exited yet. */
export function isRunning(identity: ProcessIdentity): boolean {
  const holder = holderOf(identity)
  return holder !== undefined && !isZombie(holder)
}
