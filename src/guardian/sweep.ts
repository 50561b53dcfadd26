import { isRunning } from '../system/process-table/holder.js'
import { foreignProc } from '../system/process-table/linux.js'
import { keyOf, type ProcessIdentity } from '../system/process-table/table.js'
import { climb, sweepTimeout } from '../containment/ladder.js'
import { formatOwner, type Owner, thisOwner } from '../containment/owner.js'
import { isSharedMark } from '../containment/threads/shared-mark.js'
import { findStrays as straysBelow } from '../containment/threads/strays.js'
import { type PlainMember, toInfo } from '../containment/tree.js'
import { pidsFrom } from '../system/forest.js'
import { now, sleep } from '../base/clock.js'
import { removeAbandonedWorkspaces } from '../workspace/abandoned.js'
import { removeAbandonedCoverage } from '../workspace/coverage-folder.js'
import { readAbandonedRecords, type WorkerRecord } from '../workspace/record.js'
import { Estate } from './estate.js'

// Finds and ends what neither a dead worker nor its guardian has ended. It touches only what a record of this user names, and
// only on the machine, since the boot and in the pid namespace that the record names.

/** A process that a worker started. */
export interface MarkedProcess extends PlainMember {
  readonly owner: Owner
}

/** Why no process can be judged here, or undefined. */
export const reasonAgainstJudging = foreignProc

/** All live processes of these records' workers that are not exempt. */
export async function findProcesses(workers: readonly WorkerRecord[]): Promise<MarkedProcess[]> {
  const found = new Map<string, MarkedProcess>()
  for (const worker of workers) {
    const { owner, mark, locks } = worker
    const estate = new Estate({ startTime: owner.startTime, session: undefined, token: mark, locks }, [worker])
    for (const member of await estate.look()) {
      found.set(keyOf(member), { ...member.describe(), owner })
    }
  }
  return [...found.values()]
}

/** The strays of this process's worker threads, with what they have started, except what is allowed. */
export function findStrays(isAllowed: (command: string) => boolean): MarkedProcess[] {
  const owner = thisOwner()
  const found = straysBelow(true, isSharedMark).map((record): MarkedProcess => ({
    ...record,
    ...toInfo(record),
    evidence: 'mark',
    owner,
  }))
  const allowed = pidsFrom(found, ({ command }) => isAllowed(command))
  return found.filter(({ pid }) => !allowed.has(pid))
}

const isAlive = (identity: ProcessIdentity | undefined): boolean => identity !== undefined && isRunning(identity)

/** Waits until no guardian works for a dead worker of these records any more: nobody else may end what it ends. */
export async function guardiansEnd(read: () => readonly WorkerRecord[]): Promise<void> {
  const deadline = now() + sweepTimeout
  const isAtWork = ({ owner, guardian }: WorkerRecord): boolean => !isAlive(owner) && isAlive(guardian)
  while (now() < deadline && read().some(isAtWork)) await sleep(20)
}

/**
 * Removes the workspaces of dead workers that have no running processes left. Workers with a running process keep their
 * record, by which it is found; workers with a running guardian are left to that.
 */
export async function removeAbandoned(): Promise<void> {
  const records = readAbandonedRecords().filter(({ guardian }) => !isAlive(guardian))
  const owners = new Set((await findProcesses(records)).map(({ owner }) => formatOwner(owner)))
  await removeAbandonedWorkspaces(records.filter(({ owner }) => !owners.has(formatOwner(owner))))
  removeAbandonedCoverage()
}

/** Which processes were ended, and which could not be. */
export interface SweepOutcome {
  readonly ended: readonly MarkedProcess[]
  readonly left: readonly MarkedProcess[]
}

/** SIGKILLs what `find` returns until it returns nothing, or until time is up. */
export async function sweep(find: () => Promise<MarkedProcess[]>): Promise<SweepOutcome> {
  const deadline = now() + sweepTimeout
  const ended = new Map<string, MarkedProcess>()
  const left = await climb<MarkedProcess>({
    find: async () => ({ members: await find() }),
    isOver: () => true,
    killed: (each) => void ended.set(keyOf(each), each),
    deadline: () => deadline,
  })
  for (const each of left) ended.delete(keyOf(each))
  return { ended: [...ended.values()], left }
}
