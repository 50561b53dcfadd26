import { spawnSync } from 'node:child_process'
import { isMainThread } from 'node:worker_threads'
import { pause } from '../base/clock.js'
import { realProcess } from '../base/real-process.js'
import { entriesOf, nativeCalls } from '../system/posix-spawn.js'
import { table } from '../system/process-table/current.js'
import { readChildren, readStat } from '../system/process-table/linux.js'
import { signalProcess } from '../system/signals.js'
import { loadNatives, type Natives } from '../system/syscalls.js'
import { type WorkerState, workerState } from './state.js'

// Whether this worker can be a subreaper, PR_SET_CHILD_SUBREAPER of prctl(2): orphans below it then become its children.

/** Why `strict` is unavailable in this worker, or `undefined` where it is available. */
export function reasonAgainstStrict(state: WorkerState): string | undefined {
  if (!isMainThread) return 'this is a worker thread, which does not know its siblings’ children'
  if (table.name !== 'linux') return `it needs Linux’s /proc, and the process table in use is the ${table.name} one`
  state.natives ??= shareSubreaper(provenNatives())
  return typeof state.natives === 'string' ? state.natives : undefined
}

/** Fixtures and a guard share the subreaper: it is switched off when the last one no longer needs it. */
function shareSubreaper(natives: Natives | string): Natives | string {
  if (typeof natives === 'string') return natives
  const setSubreaper = (on: boolean): boolean => {
    const state = workerState()
    state.subreapers = Math.max(0, state.subreapers + (on ? 1 : -1))
    return natives.setSubreaper(state.subreapers > 0)
  }
  return { ...natives, setSubreaper }
}

/** The system calls, once a double-forked child has really become ours on this kernel. */
function provenNatives(): Natives | string {
  const natives = loadNatives()
  if (typeof natives === 'string') return natives
  if (readChildren(process.pid, process.pid) === undefined) return 'this kernel has no /proc/PID/task/TID/children'
  if (!natives.setSubreaper(true)) return 'prctl(PR_SET_CHILD_SUBREAPER) failed'
  try {
    const before = new Set(readChildren(process.pid, process.pid))
    const patience = leaveAnOrphan()
    for (const pid of readChildren(process.pid, process.pid) ?? []) {
      const record = before.has(pid) ? undefined : readStat(pid)
      if (record === undefined || record.ppid !== process.pid) continue
      for (let round = 0; round < 1000 && !natives.takeExit(pid); round += 1) {
        if (round === patience) signalProcess(record, 'SIGKILL')
        pause(0.2)
      }
      return natives
    }
    return 'an orphan did not become a child of the subreaper (an old kernel, or a sandbox such as gVisor)'
  } finally {
    natives.setSubreaper(false)
  }
}

/**
 * Makes an orphan: runs a shell that exits before its child. Where possible without Node's spawn, which forks this
 * process.
 *
 * @returns how many looks the orphan gets to exit by itself.
 */
function leaveAnOrphan(): number {
  const calls = nativeCalls()
  if (calls === undefined) {
    spawnSync('/bin/sh', ['-c', 'sleep 30 & :'], { detached: true, stdio: 'ignore' } as object)
    return 0
  }
  const pipe = calls.pipe()
  const open = [pipe.readEnd, pipe.writeEnd]
  try {
    const nothing = calls.nothing()
    open.push(nothing)
    // The child reads until this process closes the pipe. It becomes no other program, so it exits sooner than `sleep`.
    const args = ['/bin/sh', '-c', 'read nothing <&2 & :']
    const env = entriesOf({ PATH: realProcess.env['PATH'] })
    const pid = calls.spawn({ file: '/bin/sh', args, env, cwd: '/', streams: [nothing, nothing, pipe.readEnd] })
    while (calls.wait(pid) === 'running') pause(0.2)
    return 100
  } finally {
    for (const end of open) pipe.close(end)
  }
}

/** Keeps the programs that this process starts from inheriting a descriptor. Without system calls they inherit it. */
export function closeOnExec(descriptor: number): void {
  const state = workerState()
  const natives = typeof state.natives === 'object' ? state.natives : (anyNatives ??= loadNatives())
  if (typeof natives === 'object') natives.closeOnExec(descriptor)
}

let anyNatives: Natives | string | undefined
