import { dirname } from 'node:path'
import { dropOwnFolder } from './own-folder.js'
import { dropRecord, readAbandonedRecords, type WorkerRecord, workspacesOf } from './record.js'
import { type Left, removeFolder } from './removal.js'

/** The workspaces whose worker has died, of the same boot, pid namespace and user as this process. */
export const findAbandonedWorkspaces = (records: readonly WorkerRecord[] = readAbandonedRecords()): string[] =>
  records.flatMap(workspacesOf)

/** The result for abandoned workspaces. */
export interface AbandonedOutcome {
  readonly removed: readonly string[]
  readonly left: readonly Left[]
}

/** Removes the workspaces and unfinished traces of dead workers, and their records. */
export async function removeAbandonedWorkspaces(
  records: readonly WorkerRecord[] = readAbandonedRecords(),
): Promise<AbandonedOutcome> {
  const removed: string[] = []
  const left: Left[] = []
  for (const record of records) {
    const found = workspacesOf(record)
    const stays: Left[] = []
    for (const path of found) {
      const here = await removeFolder(path)
      stays.push(...here)
      if (here.length === 0) removed.push(path)
    }
    left.push(...stays)
    // As long as something of it is left, a later sweep has to find it.
    if (stays.length === 0) dropRecord(record)
    dropOwnFolder(dirname(record.path))
  }
  return { removed, left }
}
