import { holderOf } from './process-table/holder.js'
import { constants } from 'node:os'
import { isOwnChild } from './own-children.js'
import { numberOf } from './numbers.js'
import { ProctorError } from '../base/errors.js'
import { realProcess } from '../base/real-process.js'
import { show } from '../base/words.js'
import { table } from './process-table/current.js'
import { isZombie, type ProcessIdentity } from './process-table/table.js'

// The only file that calls process.kill. `process.kill(-1)` signals every process of this user, and
// `process.kill(-null)` our own group. So a pid is only signalled after it has been matched with a recorded identity.

/** `gone`: no process has the pid, or another one has it now. `forbidden`: EPERM, because it runs as another user. */
export type SignalOutcome = 'sent' | 'gone' | 'forbidden'

/** Throws unless `pid` could be the pid of a command's process. */
export function assertPid(pid: number): void {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid > 0x7fff_ffff) {
    throw new ProctorError(`Not a process that may be signalled: ${String(pid)}. Accepted are integers above 1.`)
  }
}

let ancestors: ReadonlySet<number> | undefined

/** This process, its ancestors, and the leaders of their groups. They are never signalled. */
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

// Taken at import, because tests replace process.kill.
const kill = process.kill.bind(process)

/** Node's function behind process.kill. It returns an error number, whereas process.kill throws, which is slow. */
const rawKill = (realProcess as { _kill?: (target: number, signal: number) => unknown })._kill?.bind(realProcess)

function send(target: number, signal: NodeJS.Signals | 0): SignalOutcome {
  // Asking whether a process exists is the call that fails most often.
  const answer = signal === 0 ? rawKill?.(target, 0) : undefined
  if (answer === -constants.errno.ESRCH) return 'gone'
  if (answer === -constants.errno.EPERM) return 'forbidden'
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
 * Ends this process by a signal, so that its parent sees that signal. Returns only if that has no effect: the first
 * process of a pid namespace ignores signals without a handler.
 */
export function dieOf(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal)
  // Node does not know real-time signals by name.
  kill(process.pid, numberOf(signal))
}

function assertForeign(pid: number): void {
  assertPid(pid)
  if (ownAncestors().has(pid)) {
    throw new ProctorError(`Not signalled: ${pid} is the test runner itself, one of its ancestors or their group.`)
  }
}

/** Sends SIGKILL to a test worker. Only its guardian, a descendant of it, may do that. */
export function endWorker(worker: ProcessIdentity): SignalOutcome {
  assertPid(worker.pid)
  return holderOf(worker) === undefined ? 'gone' : send(worker.pid, 'SIGKILL')
}

/** Signals one process, after checking that the pid is still its own. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome {
  assertForeign(target.pid)
  return holderOf(target) === undefined ? 'gone' : send(target.pid, signal)
}

/**
 * Signals all members of a group. `witness` is a process known to be ours. The group is only signalled while that very
 * process is in it: as long as a group has a member, its number is not given to a stranger.
 */
export function signalGroup(group: number, witness: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome {
  assertForeign(group)
  if (holderOf(witness)?.group !== group) return 'gone'
  return send(-group, signal)
}

/**
 * Sends SIGKILL to the group of a child of which only the pid is known. Only for a child that this package has just
 * started as the leader of a group: until somebody waits for it, the pid and the group are its own.
 */
export function killHeldChild(pid: number, isHeld: () => boolean): void {
  assertForeign(pid)
  if (isHeld()) send(-pid, 'SIGKILL')
}

/**
 * Signals the group of a child that this package has started and not waited for yet: until then, the pid and the group
 * are its own. This also reaches a leader that /proc hides (hidepid), if it may be signalled at all.
 */
export function signalHeldGroup(child: number, signal: NodeJS.Signals): SignalOutcome {
  assertForeign(child)
  return isOwnChild(child) ? send(-child, signal) : 'gone'
}

/** Whether the group has members, even if they are all zombies. */
export function groupExists(group: number): boolean {
  assertPid(group)
  return send(-group, 0) !== 'gone'
}

/** Whether any process has this pid, even a zombie, or one that /proc hides (hidepid). */
export function hasHolder(pid: number): boolean {
  if (pid === 1) return true
  assertPid(pid)
  return send(pid, 0) !== 'gone'
}

/**
 * Whether a process with this pid is running. A zombie is not. A process of another user is.
 *
 * @throws {ProctorError} if `pid` is not a positive integer.
 * @example
 * isAlive(process.pid) // true
 */
export function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid > 0x7fff_ffff) {
    throw new ProctorError(`Not a pid: ${show(pid)}. Accepted are positive integers.`)
  }
  if (send(pid, 0) === 'gone') return false
  const record = table.identify(pid)
  return record !== undefined ? !isZombie(record) : send(pid, 0) !== 'gone'
}
