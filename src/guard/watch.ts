import { isMainThread } from 'node:worker_threads'
import type { ChildStart } from '../containment/child-starts.js'
import { type ContainmentLevel, refuseStrict } from '../containment/containment.js'
import { carriesLocksMark, readLocksMark } from '../containment/locks-mark.js'
import { markName, runVariable, treeIn } from '../containment/marks.js'
import { realProcess } from '../base/real-process.js'
import { isOwnChild } from '../system/own-children.js'
import { table } from '../system/process-table/current.js'
import type { Natives } from '../system/syscalls.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { currentTime, type Descendant, DescendantTracker } from './descendants.js'
import { isOwnStart, isOwnStarted } from '../containment/own-starts.js'
import { StartMarks } from './start-marks.js'
import { assertOwnProc } from '../worker/choose-containment.js'
import { endWithMain, letGoOfMain } from '../worker/main-process.js'
import { guardian } from '../worker/own-guardian.js'
import { type WorkerState, workerState } from '../worker/state.js'
import { reasonAgainstStrict } from '../worker/subreaper.js'
import { findHost } from '../containment/threads/remote.js'
import { isOfSeveral, isSharedMark, takeSharedMark } from '../containment/threads/shared-mark.js'
import { findStrays, isStray } from '../containment/threads/strays.js'

// What a guard needs from the worker: its mark in the environment, the subreaper, the guardian.

/** The tree that a process's mark names. Whatever the process starts later carries the same mark. */
export function treeOf(pid: number): string | undefined {
  const name = `${markName(workerState().token)}=`
  const mark = table.environment(pid)?.find((entry) => entry.startsWith(name))
  return mark === undefined ? undefined : treeIn(mark)
}

/** The second mark of this worker that a process carries. Whatever the process starts later carries it, too. */
export function locksOf(pid: number): bigint | undefined {
  const { locks } = workerState()
  const limit = locks === undefined ? undefined : readLocksMark(pid)
  const isOwn = limit !== undefined && carriesLocksMark(limit, locks!.worker) && !isSharedMark(limit.soft)
  return isOwn ? limit.soft : undefined
}

/** Whether this is a worker thread whose main thread is a subreaper for it. */
const isRemote = (): boolean => !isMainThread && findHost() !== undefined

/** Whether the main thread looks at the end of the run for what is left. */
const isSwept = (): boolean => realProcess.env[runVariable] !== undefined

/**
 * Why `strict` is unavailable now. A child is about to start, and Node reports what is thrown here as uncaught: without a
 * free file descriptor nothing can be proven.
 */
function reasonNow(state: WorkerState): string | undefined {
  try {
    return reasonAgainstStrict(state)
  } catch (error) {
    return (error as Error).message
  }
}

/** A watch over what the tests of a file start by themselves. `release` ends it. */
export interface Guarded {
  readonly descendants: DescendantTracker
  /** Called when all tests of the file have ended. */
  leave(): void
  /** Orphans that may come from another thread's file. Empty unless this one's is the last and nobody looks after it. */
  strays(): Descendant[]
  /** Lets those live on at the end of the run that are allowed here. */
  spare(isAllowed: (command: string) => boolean): void
  release(): void
}

/**
 * Checks that the containment that is asked for is available.
 *
 * @throws {ContainmentError} for `strict` where it is unavailable.
 */
export function assertContainment(wish: 'auto' | ContainmentLevel): void {
  assertOwnProc()
  const reason = wish !== 'strict' || isRemote() ? undefined : reasonAgainstStrict(workerState())
  if (reason !== undefined) throw refuseStrict(reason)
}

/** Begins to watch what this worker starts. `wish` is called when the first child is about to start. */
export function watchDescendants(wish: () => 'auto' | ContainmentLevel, heard: (start: ChildStart) => void): Guarded {
  const state = workerState()
  const name = markName(state.token)
  let natives: Natives | undefined
  const contain = (): { level: ContainmentLevel; isComplete: boolean } => {
    endWithMain()
    if (wish() === 'basic') return { level: 'basic', isComplete: false }
    if (isRemote()) return { level: 'strict', isComplete: true }
    if (reasonNow(state) !== undefined) return { level: 'basic', isComplete: false }
    natives = state.natives as Natives
    natives.setSubreaper(true)
    return { level: 'strict', isComplete: true }
  }
  const marks = new StartMarks(name)
  const descendants = new DescendantTracker({
    contain,
    marks,
    isOwn: isOwnStart,
    isTaken: (record) => {
      for (const tree of state.trees) {
        if (tree.identity.pid === record.pid || tree.known.get(record.pid)?.startTime === record.startTime) return true
      }
      return isOwnStarted(record)
    },
    isStray: (record, environment) => isStray(record, environment, isRemote()),
    takeExit: (pid) => !isOwnChild(pid) && natives?.takeExit(pid) === true,
    announced: (start) => {
      // The worker may die before its event loop turns again. The guardian then finds the process by its mark.
      guardian().startOnce()
      heard(start)
    },
    started: ({ identity, number }) => {
      if (identity === undefined) return
      marks.give(number, identity.pid)
      guardian().watchProcess(identity)
    },
    exited: ({ identity }) => {
      if (identity !== undefined) guardian().forgetProcess(identity)
    },
  })
  const release = (): void => {
    if (!state.guards.delete(release)) return
    descendants.close()
    marks.close()
    natives?.setSubreaper(false)
    letGoOfMain()
  }
  // The watch of an earlier file is still there if none of its tests ran: the runner never announced its end.
  for (const earlier of state.guards) earlier()
  state.guards.add(release)
  descendants.open()
  const straysOfSeveral = (): ProcessRecord[] => (isMainThread ? [] : findStrays(isRemote(), isOfSeveral))
  /** When the last file had ended. */
  let endedAt: number | undefined
  return {
    descendants,
    leave() {
      if (marks.leave() && !isSwept()) endedAt = currentTime()
    },
    strays: () =>
      endedAt === undefined
        ? []
        : straysOfSeveral().flatMap((each) => (each.startTime > endedAt! ? [] : [{ ...each, start: undefined }])),
    spare(isAllowed) {
      for (const { pid } of straysOfSeveral()) if (isAllowed(table.commandLine(pid))) takeSharedMark(pid)
    },
    release,
  }
}
