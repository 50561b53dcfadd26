import { onceAWorker } from '../base/shelf.js'
import { table } from '../system/process-table/current.js'
import { isZombie, type ProcessIdentity } from '../system/process-table/table.js'

// What this package starts itself, the guardian and the commands of fixtures, is announced by Node like everything
// else. A guard over what tests start must not take it for theirs, and must not go by anything that a program can take
// upon itself: it goes by who was started. Remembered once a worker: a guardian that is started again is an earlier
// file's.

interface OwnStarts {
  underWay: number
  /** Start times by number. */
  readonly started: Map<number, number>
}

const ownStarts = (): OwnStarts => onceAWorker('own-starts.2', () => ({ underWay: 0, started: new Map() }))

/** With more than this, those that have gone are forgotten. */
const mostRemembered = 256

/** Starts something of this package's own. */
export function startOwn<Started>(start: () => Started): Started {
  const own = ownStarts()
  own.underWay += 1
  try {
    const started = start()
    remember(own, (started as { readonly pid?: unknown } | undefined)?.pid)
    return started
  } finally {
    own.underWay -= 1
  }
}

function remember({ started }: OwnStarts, pid: unknown): void {
  if (typeof pid !== 'number') return
  // The portable table would have to start ps(1), and counts in whole seconds anyway.
  const startTime = table.name === 'linux' ? table.identify(pid)?.startTime : table.startTimeNow()
  if (startTime === undefined) return
  if (started.size > mostRemembered)
    for (const [each, since] of started) if (!isThere(each, since)) started.delete(each)
  started.set(pid, startTime)
}

function isThere(pid: number, startTime: number): boolean {
  const record = table.identify(pid)
  return record?.startTime === startTime && !isZombie(record)
}

/** Whether what is being started now is this package's own. */
export const isOwnStart = (): boolean => ownStarts().underWay > 0

/** Whether this package itself has started this very process. */
export function isOwnStarted(record: ProcessIdentity): boolean {
  const startTime = ownStarts().started.get(record.pid)
  return startTime !== undefined && table.isSame(record, { pid: record.pid, startTime })
}
