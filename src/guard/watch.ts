import { isMainThread } from 'node:worker_threads'
import type { Birth } from '../containment/child-starts.js'
import { type ContainmentLevel, refuseStrict } from '../containment/containment.js'
import { markName, treeIn } from '../containment/marks.js'
import { isOwnChild } from '../system/own-children.js'
import { table } from '../system/process-table/current.js'
import type { Natives } from '../system/syscalls.js'
import { Offspring } from './descendants.js'
import { isOwnStart, isOwnStarted } from '../containment/own-starts.js'
import { StartMarks } from './start-marks.js'
import { assertOwnProc } from '../worker/choose-containment.js'
import { endWithMain, letGoOfMain } from '../worker/main-process.js'
import { guardian } from '../worker/own-guardian.js'
import { workerState } from '../worker/state.js'
import { reasonAgainstStrict } from '../worker/subreaper.js'
import { findHost } from '../containment/threads/remote.js'

// What a guard needs of the worker: its mark in the environment, the subreaper, the guardian.

/** The tree that the mark of a process names: all that its birth has started, then and later. */
export function treeOf(pid: number): string | undefined {
  const name = `${markName(workerState().token)}=`
  const mark = table.environment(pid)?.find((entry) => entry.startsWith(name))
  return mark === undefined ? undefined : treeIn(mark)
}

/** Whether orphans come to the main thread, which is a subreaper for its threads. */
const isRemote = (): boolean => !isMainThread && findHost() !== undefined

/** What the tests of a file start by themselves. `release` ends the watch. */
export interface Guarded {
  readonly offspring: Offspring
  release(): void
}

/**
 * Says no where strict containment is asked for and not to be had.
 *
 * @throws {ContainmentError}
 */
export function assertContainment(wish: 'auto' | ContainmentLevel): void {
  assertOwnProc()
  const reason = wish !== 'strict' || isRemote() ? undefined : reasonAgainstStrict(workerState())
  if (reason !== undefined) throw refuseStrict(reason)
}

/** Begins to watch what this worker starts. The wish is asked for when the first child is about to start. */
export function watchOffspring(wish: () => 'auto' | ContainmentLevel, heard: (birth: Birth) => void): Guarded {
  const state = workerState()
  const name = markName(state.token)
  let natives: Natives | undefined
  const contain = (): { level: ContainmentLevel; isComplete: boolean } => {
    endWithMain()
    if (wish() === 'basic') return { level: 'basic', isComplete: false }
    if (isRemote()) return { level: 'strict', isComplete: true }
    const reason = reasonAgainstStrict(state)
    if (reason !== undefined) return { level: 'basic', isComplete: false }
    natives = state.natives as Natives
    natives.setSubreaper(true)
    return { level: 'strict', isComplete: true }
  }
  const marks = new StartMarks(name)
  const offspring = new Offspring({
    contain,
    marks,
    isOwn: isOwnStart,
    isTaken: (record, environment) => {
      for (const tree of state.trees) {
        if (tree.identity.pid === record.pid || tree.known.get(record.pid)?.startTime === record.startTime) return true
      }
      return isOwnStarted(record) || marks.read(record.pid, environment)?.kind === 'command'
    },
    takeExit: (pid) => !isOwnChild(pid) && natives?.takeExit(pid) === true,
    announced: (birth) => {
      // A worker may die before its event loop turns again. The mark tells the guardian then whose a process is.
      guardian().startOnce()
      heard(birth)
    },
    born: ({ identity, number }) => {
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
    offspring.close()
    marks.close()
    natives?.setSubreaper(false)
    letGoOfMain()
  }
  // A file none of whose tests ran had no end.
  for (const earlier of state.guards) earlier()
  state.guards.add(release)
  offspring.open()
  return { offspring, release }
}
