import { backoff, now, sleep } from '../base/clock.js'
import { keyOf, type ProcessIdentity } from '../system/process-table/table.js'
import { signalProcess, type SignalOutcome } from '../system/signals.js'

// The ladder: SIGTERM, a grace, SIGKILL until nothing is alive. `climb` is the whole ladder for processes that are signalled
// one by one. The kill loop ends the whole tree of a command when its grace is over.

/** ms within which a command must be dead after SIGKILL. A test has 5 s with most runners, and is to be told before that. */
export const killTimeout = 4000
/** The same for all that a test, a file or a run has left. */
export const sweepTimeout = 5000

/** A process that can be asked to exit. */
export interface Askable extends ProcessIdentity {
  readonly state: string
}

/** Sends SIGTERM. A stopped process is continued, because it only gets the signal then. */
export function askToEnd(each: Askable): void {
  signalProcess(each, 'SIGTERM')
  if (each.state === 'T') signalProcess(each, 'SIGCONT')
}

/**
 * Looks until nothing is found, or the time is over.
 *
 * @param deadline on our clock. It may change while this waits.
 * @returns what is alive.
 */
export async function untilGone<Of>(
  find: () => Promise<readonly Of[]>,
  deadline: () => number,
): Promise<readonly Of[]> {
  for (const delay of backoff(50)) {
    const found = await find()
    const left = deadline() - now()
    if (found.length === 0 || left <= 0) return found
    await sleep(Math.min(delay, Math.max(1, left)))
  }
  return []
}

/** What was found alive. */
export interface Finding<Of> {
  readonly members: readonly Of[]
  /** Whether a process may have been missed that the next look will find. */
  readonly isDoubtful?: boolean
}

export interface Climb<Of extends Askable> {
  /** The processes that are alive now. */
  find(): Promise<Finding<Of>>
  /** How many times in a row `find` must find nothing. */
  readonly emptyRounds?: number
  /** Whether the grace of a process is over. Each round asks for all of them before it signals one. */
  isOver(each: Of): boolean
  /** Called when a process gets SIGTERM: once, and never if it is killed at once. */
  asked?(each: Of): void
  killed(each: Of, outcome: SignalOutcome): void
  /** The time on our clock at which the ladder ends, whatever is alive. */
  deadline(): number
}

/** What a report says about a process that was sent SIGKILL. */
export const outcomeOfKill = (outcome: SignalOutcome): string =>
  outcome === 'forbidden' ? 'alive: no permission to signal it (EPERM)' : 'SIGKILL'

/**
 * Ends what `find` returns, until it returns nothing.
 *
 * @returns the processes that are alive, because they may not be signalled or because time is up.
 */
export async function climb<Of extends Askable>(steps: Climb<Of>): Promise<readonly Of[]> {
  const { emptyRounds = 1 } = steps
  const asked = new Set<string>()
  let empty = 0
  for (const delay of backoff(20)) {
    const { members: found, isDoubtful = false } = await steps.find()
    empty = found.length === 0 && !isDoubtful ? empty + 1 : 0
    if (empty >= emptyRounds) return []
    // If the grace of a parent were over only after that of its child, it would start another child in between.
    const over = new Set(found.filter((each) => steps.isOver(each)))
    const outcomes = found.map((each) => {
      if (over.has(each)) return kill(steps, each)
      if (!asked.has(keyOf(each))) ask(steps, each)
      asked.add(keyOf(each))
      return undefined
    })
    const isRefused = found.length > 0 && outcomes.every((outcome) => outcome === 'forbidden')
    if (isRefused || now() >= steps.deadline()) return found
    if (found.length > 0 || empty === 0) await sleep(delay)
  }
  return []
}

function ask<Of extends Askable>(steps: Climb<Of>, each: Of): void {
  steps.asked?.(each)
  askToEnd(each)
}

function kill<Of extends Askable>(steps: Climb<Of>, each: Of): SignalOutcome {
  const outcome = signalProcess(each, 'SIGKILL')
  steps.killed(each, outcome)
  return outcome
}
