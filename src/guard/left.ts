import { heldOpen } from '../base/held-open.js'
import { type Birth, commandOf, isHeld } from '../containment/child-starts.js'
import { descriptorsOf, heldBy } from '../system/process-table/descriptors.js'
import { isRunning } from '../system/process-table/holder.js'
import { table } from '../system/process-table/current.js'
import type { Descendant } from './descendants.js'
import { currentMoment, type Left } from './report.js'

/** Whether it is alive at this moment, as far as that can be asked at once. */
export function isThere(each: Descendant): boolean {
  if (table.name !== 'linux') return each.birth === undefined || !isBirth(each) || isHeld(each.birth)
  return isRunning(each)
}

const isBirth = (each: Descendant): boolean => each.pid === each.birth?.identity?.pid

/** What is kept of it for a report. */
export const toLeft = (each: Descendant, outcome: string): Left => ({
  pid: each.pid,
  startTime: each.startTime,
  ppid: each.ppid,
  session: each.session,
  hasTerminal: each.hasTerminal,
  command: table.commandLine(each.pid),
  startedAt: table.startedAt(each),
  foundAt: currentMoment(),
  birth: each.birth,
  outcome,
})

/**
 * What was its output, as those that have inherited it show it: a child that exits within a few milliseconds is gone
 * before anybody reads which sockets it was given. Node gives a socket for each of the two, and waits for their ends.
 */
function inheritedOutput({ child: { stdout, stderr } }: Birth, pids: readonly number[]): ReadonlySet<string> {
  const open = [stdout, stderr].flatMap((stream, index) =>
    stream === null || stream.destroyed || stream.readableEnded ? [] : [index + 1],
  )
  const targets = pids.flatMap((pid) => {
    const descriptors = descriptorsOf(pid)
    return open.map((descriptor) => descriptors.get(descriptor) ?? '')
  })
  return new Set(targets.filter((target) => target.startsWith('socket:')))
}

/** Who holds the output of what has exited, in a line for each call that started something. */
export function heldLines(left: readonly Descendant[]): string[] {
  const births = new Set(left.flatMap(({ birth }) => (birth === undefined || isHeld(birth) ? [] : [birth])))
  return [...births].flatMap((birth) => {
    const pids = left.filter((each) => each.birth === birth).map(({ pid }) => pid)
    const streams = birth.streams.size > 0 ? birth.streams : inheritedOutput(birth, pids)
    return heldOpen(
      commandOf(birth),
      pids.map((pid) => ({ pid, command: table.commandLine(pid), descriptors: heldBy(pid, streams) })),
    )
  })
}
