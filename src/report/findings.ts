import { wallClock } from '../base/clock.js'
import type { Member } from '../containment/tree.js'
import type { Finding, Place } from './teardown-report.js'

/** A process that teardown found alive after its command, and how it ended. */
export interface Observed {
  readonly member: Member
  /** ms that it had been running when it was found. */
  readonly ranMs: number
  readonly outcome: string
}

export function placeOf(member: Member): Place {
  if (member.group === member.tree.identity.pid) return 'left behind in the group'
  return member.session !== 0 && member.session !== member.tree.identity.pid
    ? 'left the group (own session)'
    : 'left the group'
}

export const observe = (member: Member, outcome: string): Observed => ({
  member,
  ranMs: Math.max(0, Math.round(wallClock() - member.startedAt.getTime())),
  outcome,
})

export const toFinding = ({ member, ranMs, outcome }: Observed): Finding => ({
  pid: member.pid,
  ppid: member.ppid,
  command: member.command,
  place: placeOf(member),
  ranMs,
  outcome,
})
