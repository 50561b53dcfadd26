import { ContainmentError } from '../base/errors.js'
import { BasicContainment } from '../containment/basic.js'
import { childLedger } from '../containment/child-ledger.js'
import { type Containment, type ContainmentLevel, refuseStrict } from '../containment/containment.js'
import type { StrictHost } from '../containment/orphans.js'
import { ownSession } from '../containment/root.js'
import { StrictContainment } from '../containment/strict.js'
import { findHost, openHost, RemoteContainment } from '../containment/threads/remote.js'
import { foreignProc } from '../system/process-table/linux.js'
import type { Natives } from '../system/syscalls.js'
import { type WorkerState, workerState } from './state.js'
import { reasonAgainstStrict } from './subreaper.js'

/** What distinguishes the commands of this process from everything else that it starts. */
const hostOf = (state: WorkerState): StrictHost => ({
  trees: state.trees,
  outside: new Set([state.outside]),
  spared: state.spared,
  session: ownSession(),
  guardian: () => state.guardian?.pid,
})

const strictContainment = (state: WorkerState): StrictContainment =>
  (state.strict ??= new StrictContainment(state.natives as Natives, childLedger(), hostOf(state), state.orphans))

/**
 * Makes this main thread the subreaper for the worker threads that start from now on.
 *
 * @returns a function that ends this, or the reason why it is impossible.
 */
export function hostThreads(): (() => void) | string {
  const state = workerState()
  const reason = reasonAgainstStrict(state)
  if (reason !== undefined) return reason
  const strict = strictContainment(state)
  strict.hostsThreads = true
  const end = openHost(strict)
  return () => {
    strict.hostsThreads = false
    end()
  }
}

/** Whether /proc is known to be that of our pid namespace. It stays true: a process never changes its pid namespace. */
let isProcOwn = false

/**
 * Checks that /proc shows the processes of our own pid namespace.
 *
 * @throws {ContainmentError} where it shows another one's.
 */
export function assertOwnProc(): void {
  if (isProcOwn) return
  const reason = foreignProc()
  isProcOwn = reason === undefined
  if (reason === undefined) return
  throw new ContainmentError(
    `No command can be contained here: ${reason}. Mount the /proc of this namespace (\`unshare --pid --fork --mount-proc\`, \`bwrap --unshare-pid --proc /proc\`).`,
  )
}

/**
 * The containment for a fixture.
 *
 * @throws {ContainmentError} on Windows, and for `strict` where it is unavailable.
 */
export function chooseContainment(wish: 'auto' | ContainmentLevel): Containment {
  assertOwnProc()
  const state = workerState()
  const host = wish === 'basic' ? undefined : findHost()
  if (host !== undefined) return (state.remote ??= new RemoteContainment(host, state.outside))
  const reason = wish === 'basic' ? 'it was not asked for' : reasonAgainstStrict(state)
  if (wish === 'strict' && reason !== undefined) throw refuseStrict(reason)
  if (reason !== undefined) return (state.basic ??= new BasicContainment(state.trees, hostOf(state)))
  return strictContainment(state)
}
