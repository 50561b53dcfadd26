import type { ProcessRecord } from './process-table/table.js'

// Processes by their parents, as in one snapshot of the whole table.

export type Forest = ReadonlyMap<number, readonly ProcessRecord[]>

export function groupByParent(records: Iterable<ProcessRecord>): Forest {
  const children = new Map<number, ProcessRecord[]>()
  for (const record of records) {
    const siblings = children.get(record.ppid)
    if (siblings === undefined) children.set(record.ppid, [record])
    else siblings.push(record)
  }
  return children
}

/** Visits everything below a process, parents first. */
export function visitBelow(pid: number, forest: Forest, visit: (record: ProcessRecord) => void): void {
  for (const child of forest.get(pid) ?? []) {
    visit(child)
    visitBelow(child.pid, forest, visit)
  }
}

type Node = Pick<ProcessRecord, 'pid' | 'ppid'>

/** The pids of those for which `isMeant` holds, and of everything below them, as far as it is in the list. */
export const pidsWithBelow = <Of extends Node>(list: readonly Of[], isMeant: (each: Of) => boolean): Set<number> =>
  closure(list, isMeant, ({ ppid }, found) => found.has(ppid))

/**
 * The same, and whoever is in a group or session that one of them leads: it has come from there, even if its parent has
 * gone.
 */
export const pidsFrom = <Of extends Node & Pick<ProcessRecord, 'group' | 'session'>>(
  list: readonly Of[],
  isMeant: (each: Of) => boolean,
): Set<number> =>
  closure(list, isMeant, ({ ppid, group, session }, found) => found.has(ppid) || found.has(group) || found.has(session))

function closure<Of extends Node>(
  list: readonly Of[],
  isMeant: (each: Of) => boolean,
  isNext: (each: Of, found: ReadonlySet<number>) => boolean,
): Set<number> {
  const found = new Set(list.filter(isMeant).map(({ pid }) => pid))
  for (let before = -1; before !== found.size;) {
    before = found.size
    for (const each of list) if (isNext(each, found)) found.add(each.pid)
  }
  return found
}
