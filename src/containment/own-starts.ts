import { onceAWorker } from '../base/shelf.js'
import { table } from '../system/process-table/current.js'
import { isZombie, type ProcessIdentity } from '../system/process-table/table.js'

// Node announces what this package itself starts, the guardian and the commands of fixtures, like everything else. A
// guard must not take these for processes of a test. It must not use anything that a program can choose for itself
// either, so it uses the list of what was started. The list is kept once a worker, because a restarted guardian belongs
// to an earlier file.

interface OwnStarts {
  underWay: number
  /** The start times by pid. */
  readonly started: Map<number, number>
}

const ownStarts = (): OwnStarts => onceAWorker('own-starts.2', () => ({ underWay: 0, started: new Map() }))

/** Above this number, those that have gone are forgotten. */
const mostRemembered = 256

/** Starts something that belongs to this package. */
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
  // The portable table would have to start ps(1), and only has whole seconds anyway.
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

/** Whether the start under way is this package's own. */
export const isOwnStart = (): boolean => ownStarts().underWay > 0

/** Whether this package itself has started this very process. */
export function isOwnStarted(record: ProcessIdentity): boolean {
  const startTime = ownStarts().started.get(record.pid)
  return startTime !== undefined && table.isSame(record, { pid: record.pid, startTime })
}
