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
