import type { Action, Command, Process } from './model.js'

/** What was seen between fork and exec is not a program that it was. */
function startsAsItsParent(process: Process, parent: Process | undefined): void {
  const [first, second] = process.commands
  const isCopy = parent?.commands.some(({ command }) => command === first?.command)
  if (second !== undefined && isCopy && second.t - process.start < 100) {
    process.commands = [{ t: process.start, command: second.command }, ...process.commands.slice(2)]
  }
}

/** Parents before children, children by their start; who has no parent here stands under its command's leader. */
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

/** Actions that are a bar: the others take no time, or are told by the command's own row. */
const isBar = ({ kind }: Action): boolean => kind === 'wait' || kind === 'expect' || kind === 'end'

/** In lanes: two at a time do not cover each other. Returns how many there are. */
export function intoLanes(actions: readonly Action[], most: number): number {
  const lanes: number[] = []
  for (const action of actions.filter(isBar).toSorted((a, b) => a.start - b.start)) {
    const free = lanes.findIndex((ends) => ends <= action.start)
    const lane = Math.min(most - 1, free < 0 ? lanes.length : free)
    action.lane = lane
    lanes[lane] = action.end ?? Infinity
  }
  // What takes no time is drawn in the first one.
  return actions.length === 0 ? 0 : Math.max(1, Math.min(most, lanes.length))
}
