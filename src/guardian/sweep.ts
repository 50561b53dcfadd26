import { isZombie, type ProcessRecord } from '../system/process-table/table.js'
import { table } from '../system/process-table/current.js'
import { type Mark, parseMarks } from '../containment/marks.js'
import { isJudgedHere, isOwnerDead } from '../containment/owner.js'
import { backoff, now, sleep } from '../base/clock.js'
import { signalProcess, type SignalOutcome } from '../system/signals.js'
import { type ProcessInfo, toInfo } from '../containment/tree.js'

// What a worker that died could not end any more. Only what carries a mark of ours is ever touched, and only on the
// machine, since the boot, in the pid namespace and by the user that the mark names.

/** A process that carries a mark. */
export interface MarkedProcess extends ProcessInfo {
  readonly startTime: number
  readonly mark: Mark
  /** Whether the test worker that started it is gone. */
  readonly isOwnerDead: boolean
  readonly hasOwnSession: boolean
}

const toMarked = (record: ProcessRecord, mark: Mark): MarkedProcess => ({
  ...toInfo(record),
  startTime: record.startTime,
  mark,
  isOwnerDead: isOwnerDead(mark.owner),
  hasOwnSession: record.session === record.pid,
})

/** Every live process of this machine that carries a mark which can be judged here. With several, one that `wanted` takes. */
export async function findMarked(wanted: (mark: Mark) => boolean = () => true): Promise<MarkedProcess[]> {
  const records = await table.snapshot()
  const found: MarkedProcess[] = []
  for (const record of records.values()) {
    if (isZombie(record) || record.pid === process.pid) continue
    const environment = table.environment(record.pid)
    if (environment === undefined) continue
    const mark = parseMarks(environment).find((each) => isJudgedHere(each.owner) && wanted(each))
    if (mark !== undefined) found.push(toMarked(record, mark))
  }
  return found
}

/** The processes that run under proctor although their test worker is gone. */
export const findOrphans = (): Promise<MarkedProcess[]> => findMarked((mark) => isOwnerDead(mark.owner))

/** What was ended, and what could not be. */
export interface SweepOutcome {
  readonly ended: readonly MarkedProcess[]
  readonly left: readonly MarkedProcess[]
}

/** SIGKILLs what `find` finds until it finds nothing, or `timeout` ms have passed. */
export async function sweep(find: () => Promise<MarkedProcess[]>, timeout: number): Promise<SweepOutcome> {
  const deadline = now() + timeout
  const ended = new Map<string, MarkedProcess>()
  for (const delay of backoff(20)) {
    const found = await find()
    const outcomes = found.map((each): SignalOutcome => {
      ended.set(`${each.pid} ${each.startTime}`, each)
      return signalProcess(each, 'SIGKILL')
    })
    const isStuck = found.length > 0 && outcomes.every((outcome) => outcome === 'forbidden')
    if (found.length === 0 || isStuck || now() >= deadline) {
      for (const each of found) ended.delete(`${each.pid} ${each.startTime}`)
      return { ended: [...ended.values()], left: found }
    }
    await sleep(delay)
  }
  return { ended: [...ended.values()], left: [] }
}
