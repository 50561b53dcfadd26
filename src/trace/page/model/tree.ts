import type { Action, Command, Process } from './model.js'

/** Between fork and exec a process was seen with its parent's command line. That is not a program that it ran. */
function startsAsItsParent(process: Process, parent: Process | undefined): void {
  const [first, second] = process.commands
  const isCopy = parent?.commands.some(({ command }) => command === first?.command)
  if (second !== undefined && isCopy && second.t - process.start < 100) {
    process.commands = [{ t: process.start, command: second.command }, ...process.commands.slice(2)]
  }
}

/**
 * Sorts parents before their children, and children by their start. A process without a parent in the list comes below
 * its command's leader.
 */
export function inOrder(processes: ReadonlyMap<number, Process>, commands: readonly Command[]): Process[] {
  const roots: Process[] = []
  for (const process of processes.values()) {
    const parent = processes.get(process.parent)
    startsAsItsParent(process, parent)
    if (parent !== undefined && parent !== process) parent.children.push(process)
    else roots.push(process)
  }
  const leaders = new Map(roots.filter(({ isLeader }) => isLeader).map((process) => [process.c, process]))
  for (const process of roots) if (!process.isLeader) leaders.get(process.c)?.children.push(process)
  const rows: Process[] = []
  const add = (process: Process, depth: number): void => {
    process.depth = depth
    rows.push(process)
    for (const child of process.children.toSorted((a, b) => a.start - b.start || a.id - b.id)) add(child, depth + 1)
  }
  for (const command of commands) {
    command.leader = leaders.get(command.number)
    if (command.leader !== undefined) add(command.leader, 0)
  }
  for (const process of roots) if (!process.isLeader && !leaders.has(process.c)) add(process, 0)
  return rows
}

/** Whether an action is drawn as a bar. The others take no time, or the command's own row shows them. */
const isBar = ({ kind }: Action): boolean => kind === 'wait' || kind === 'expect' || kind === 'end'

/** Puts the actions into lanes, so that simultaneous ones do not cover each other. Returns the number of lanes. */
export function intoLanes(actions: readonly Action[], most: number): number {
  const lanes: number[] = []
  for (const action of actions.filter(isBar).toSorted((a, b) => a.start - b.start)) {
    const free = lanes.findIndex((ends) => ends <= action.start)
    const lane = Math.min(most - 1, free < 0 ? lanes.length : free)
    action.lane = lane
    lanes[lane] = action.end ?? Infinity
  }
  // Actions that take no time are drawn in the first lane.
  return actions.length === 0 ? 0 : Math.max(1, Math.min(most, lanes.length))
}
