import { holderOf } from './process-table/holder.js'
import { constants } from 'node:os'
import { isOwnChild } from './own-children.js'
import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { table } from './process-table/current.js'
import { isZombie, type ProcessIdentity } from './process-table/table.js'

// The only file that calls process.kill. `process.kill(-1)` is every process of this user, `process.kill(-null)`
// one's own group: so a number is signalled only after it has been matched with a recorded identity.

/** `sent`; `gone`: nobody, or by now somebody else, has the number; `forbidden`: EPERM, another user's. */
export type SignalOutcome = 'sent' | 'gone' | 'forbidden'

/** Throws unless `pid` is a number that could be a command's process. */
export function assertPid(pid: number): void {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid > 0x7fff_ffff) {
    throw new ProctorError(`Not a process that may be signalled: ${String(pid)}. Accepted are integers above 1.`)
  }
}

let ancestors: ReadonlySet<number> | undefined

/** This process, its ancestors, and the leaders of the groups that they are in: never signalled. */
export function ownAncestors(): ReadonlySet<number> {
  if (ancestors === undefined) {
    const found = new Set<number>()
    let pid = process.pid
    while (pid > 0 && !found.has(pid)) {
      found.add(pid)
      const record = table.identify(pid)
      if (record === undefined) break
      found.add(record.group)
      pid = record.ppid
    }
    ancestors = found
  }
  return ancestors
}

// Taken at once: tests replace process.kill.
const kill = process.kill.bind(process)

/** What process.kill calls in Node. It gives the error's number where that throws, which is slow. */
const rawKill = (realProcess as { _kill?: (target: number, signal: number) => unknown })._kill?.bind(realProcess)

function send(target: number, signal: NodeJS.Signals | 0): SignalOutcome {
  // To ask whether somebody is there is the one question that is most often answered with no.
  if (signal === 0 && rawKill?.(target, 0) === -constants.errno.ESRCH) return 'gone'
  try {
    kill(target, signal)
    return 'sent'
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ESRCH') return 'gone'
    if (code === 'EPERM') return 'forbidden'
    throw error // EINVAL, ERR_UNKNOWN_SIGNAL: the caller's mistake.
  }
}

/**
 * Ends this process by a signal, so that whoever waits for it sees that. Returns only where nothing comes of it: the first
 * process of a pid namespace ignores what it has no handler for.
 */
export function dieOf(signal: NodeJS.Signals): void {
  kill(process.pid, signal)
}

function assertForeign(pid: number): void {
  assertPid(pid)
  if (ownAncestors().has(pid)) {
    throw new ProctorError(`Not signalled: ${pid} is the test runner itself, one of its ancestors or their group.`)
  }
}

/** SIGKILLs a test worker, for its guardian alone: it is an ancestor of that. */
export function endWorker(worker: ProcessIdentity): SignalOutcome {
  assertPid(worker.pid)
  return holderOf(worker) === undefined ? 'gone' : send(worker.pid, 'SIGKILL')
}

/** Signals one process, after checking that its number is still its own. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome {
  assertForeign(target.pid)
  return holderOf(target) === undefined ? 'gone' : send(target.pid, signal)
}

/**
 * Signals every member of a group. `witness` is a process known to be ours: the group is signalled only while
 * that very process is in it, for as long as a group has a member its number is not given to a stranger.
 */
export function signalGroup(group: number, witness: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome {
  assertForeign(group)
  if (holderOf(witness)?.group !== group) return 'gone'
  return send(-group, signal)
}

/**
 * SIGKILLs the group of a child of which nothing but its number is known. Only for what this package has just started
 * as the leader of a group: as long as nobody has waited for it both numbers are its own.
 */
export function killHeldChild(pid: number, isHeld: () => boolean): void {
  assertForeign(pid)
  if (isHeld()) send(-pid, 'SIGKILL')
}

/**
 * Signals the group of a child that this package's own start has not waited for yet: until then both numbers are its own.
 * This reaches a leader that /proc hides (hidepid) while it may be signalled at all.
 */
export function signalHeldGroup(child: number, signal: NodeJS.Signals): SignalOutcome {
  assertForeign(child)
  return isOwnChild(child) ? send(-child, signal) : 'gone'
}

/** Whether the group has members, zombies among them. */
export function groupExists(group: number): boolean {
  assertPid(group)
  return send(-group, 0) !== 'gone'
}

/** Whether somebody has this number, be it a zombie or one that /proc hides (hidepid). */
export function hasHolder(pid: number): boolean {
  assertPid(pid)
  return send(pid, 0) !== 'gone'
}

/**
 * Whether a process with this number is running. A zombie is not; a process of another user is.
 *
 * @throws {ProctorError} when `pid` is no positive integer.
 * @example
 * isAlive(process.pid) // true
 */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid > 0x7fff_ffff) {
    throw new ProctorError(`Not a pid: ${String(pid)}. Accepted are positive integers.`)
  }
  if (send(pid, 0) === 'gone') return false
  const record = table.identify(pid)
  return record !== undefined ? !isZombie(record) : send(pid, 0) !== 'gone'
}
