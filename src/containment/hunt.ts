import { isMainThread } from 'node:worker_threads'
import { now } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { lastPid, readStat } from '../system/process-table/linux.js'
import { isZombie, type ProcessRecord } from '../system/process-table/table.js'
import { carriesLocksMark, readLocksMark } from './locks-mark.js'
import { remember, type Root } from './root.js'
import type { Found } from './scan.js'

/** Numbers below the last one that are looked at too. */
const reach = 2

/**
 * Whose mark a process carries. The limit is in all that a main thread starts, so nothing else is read there. A worker
 * thread gives it to a program that runs already, and the program may have forked before.
 */
function markedBy<Of extends Root>(pid: number, roots: readonly Of[]): Of | undefined {
  const limits = readLocksMark(pid)
  const byLimit = limits && roots.find(({ locks }) => locks !== undefined && carriesLocksMark(limits, locks))
  if (byLimit !== undefined || (isMainThread && roots.every(({ locks }) => locks !== undefined))) return byLimit
  const environment = table.environment(pid)
  return environment && roots.find(({ mark }) => environment.includes(mark))
}

/**
 * Looks for what forks and exits faster than a table can be listed. Numbers are given out in turn, and the kernel says
 * which one was the last: whoever hops on has that one, or one of the few before it.
 *
 * @param time ms for which it blocks the event loop.
 * @param meet is called with each new one that is alive, as soon as it is met.
 * @returns those that were met, alive or as zombies, and had not been seen before.
 */
export function hunt<Of extends Root>(
  roots: readonly Of[],
  time: number,
  meet: (record: ProcessRecord) => void,
): Found<Of>[] {
  const met: Found<Of>[] = []
  for (const end = now() + time; now() < end && roots.length > 0;) {
    const last = lastPid()
    for (let pid = last; pid > 1 && pid >= last - reach; pid -= 1) {
      const root = markedBy(pid, roots)
      const record = root && readStat(pid)
      if (root === undefined || record === undefined || record.startTime < root.identity.startTime) continue
      // What was seen before is ended in its turn.
      if (root.known.get(pid)?.startTime === record.startTime) continue
      if (!isZombie(record)) meet(record)
      remember(root, record)
      met.push({ record, root, evidence: 'mark' })
    }
  }
  return met
}
