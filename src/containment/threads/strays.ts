import { table } from '../../system/process-table/current.js'
import { descendantsOf, hasEmptyEnvironment, pids, readStat } from '../../system/process-table/linux.js'
import { isZombie, keyOf, type ProcessRecord } from '../../system/process-table/table.js'
import { ownAncestors } from '../../system/signals.js'
import { readLocksMark } from '../locks-mark.js'
import { hasMark } from '../marks.js'

// Strays: orphans that carry the mark which the threads of this process share, and no other. They gave up their
// environment before anybody could give them a mark of their own.

let ownNames: readonly string[] | undefined

const nameIn = (entry: string): string => entry.slice(0, entry.indexOf('='))

/**
 * Whether an environment holds every variable that this process was started with. What the test runner itself starts
 * inherits them, and carries the shared mark as well.
 */
function isRunners(environment: readonly string[]): boolean {
  ownNames ??= (table.environment(process.pid) ?? []).map(nameIn)
  const names = new Set(environment.map(nameIn))
  return ownNames.every((name) => names.has(name))
}

/** Whether its parent is a process that adopts orphans: an ancestor of this one, the first one, or this one itself. */
const isOrphan = ({ ppid }: ProcessRecord, adopts: boolean): boolean =>
  ppid <= 1 || (ppid === process.pid ? adopts : ownAncestors().has(ppid))

/**
 * Whether a process with the shared mark is a stray.
 *
 * @param environment undefined if it may not be read.
 * @param adopts whether orphans become children of this process, and its own children do not carry the shared mark.
 */
export function isStray(record: ProcessRecord, environment: readonly string[] | undefined, adopts: boolean): boolean {
  if (!isOrphan(record, adopts)) return false
  if (environment === undefined) return true
  // In the middle of an exec a process has no environment either.
  if (environment.length === 0) return hasEmptyEnvironment(record.pid)
  return !hasMark(environment) && !isRunners(environment)
}

/** The living strays of which `isMeant` holds by their mark, and everything below them. */
export function findStrays(adopts: boolean, isMeant: (mark: bigint) => boolean): ProcessRecord[] {
  if (table.name !== 'linux') return []
  const found = new Map<string, ProcessRecord>()
  const visit = (record: ProcessRecord): void => void (isZombie(record) || found.set(keyOf(record), record))
  for (const pid of pids()) {
    const record = readStat(pid)
    if (record === undefined || isZombie(record) || !isOrphan(record, adopts)) continue
    if (!isMeant(readLocksMark(pid)?.soft ?? 0n) || !isStray(record, table.environment(pid), adopts)) continue
    visit(record)
    descendantsOf(record, visit)
  }
  return [...found.values()]
}
