import { heldOpen } from '../base/held-open.js'
import { type ChildStart, commandOf, isHeld } from '../containment/child-starts.js'
import { descriptorsOf, heldBy } from '../system/process-table/descriptors.js'
import { isRunning } from '../system/process-table/holder.js'
import { table } from '../system/process-table/current.js'
import type { Descendant } from './descendants.js'
import { currentMoment, type Left } from './report.js'

/** Whether a process is alive now, as far as that can be known without starting ps(1). */
export function isThere(each: Descendant): boolean {
  if (table.name !== 'linux') return each.start === undefined || !isStart(each) || isHeld(each.start)
  return isRunning(each)
}

const isStart = (each: Descendant): boolean => each.pid === each.start?.identity?.pid

/** What the report needs from a process, read while it is there. */
export const toLeft = (each: Descendant, outcome: string): Left => ({
  pid: each.pid,
  startTime: each.startTime,
  ppid: each.ppid,
  session: each.session,
  hasTerminal: each.hasTerminal,
  command: table.commandLine(each.pid),
  startedAt: table.startedAt(each),
  foundAt: currentMoment(),
  start: each.start,
  outcome,
})

/**
 * The sockets that were a child's output, read from the processes that have inherited them. A child that exits within a
 * few milliseconds is gone before anybody can read them from itself. Node gives a child one socket for each of the two
 * streams, and waits for the end of both.
 */
function inheritedOutput({ child: { stdout, stderr } }: ChildStart, pids: readonly number[]): ReadonlySet<string> {
  const open = [stdout, stderr].flatMap((stream, index) =>
    stream === null || stream.destroyed || stream.readableEnded ? [] : [index + 1],
  )
  const targets = pids.flatMap((pid) => {
    const descriptors = descriptorsOf(pid)
    return open.map((descriptor) => descriptors.get(descriptor) ?? '')
  })
  return new Set(targets.filter((target) => target.startsWith('socket:')))
}

/** The processes that hold the output of children that have exited: a line for each child. */
export function heldLines(left: readonly Descendant[]): string[] {
  const starts = new Set(left.flatMap(({ start }) => (start === undefined || isHeld(start) ? [] : [start])))
  return [...starts].flatMap((start) => {
    const pids = left.filter((each) => each.start === start).map(({ pid }) => pid)
    const streams = start.streams.size > 0 ? start.streams : inheritedOutput(start, pids)
    return heldOpen(
      commandOf(start),
      pids.map((pid) => ({ pid, command: table.commandLine(pid), descriptors: heldBy(pid, streams) })),
    )
  })
}
