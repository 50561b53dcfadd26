import { entries, fieldsOfStat, hasExitingFlag, readProc } from './linux.js'

// How the kernel shows an exit that is under way. With a few GB of memory to give back, or on a busy machine, an exit
// takes longer than a tenth of a second.

/** Whether SIGKILL is pending for one thread, as its /proc/PID/status says. */
export function hasPendingKill(status: string): boolean {
  const [, mask] = /^SigPnd:\s*([0-9a-f]+)$/m.exec(status) ?? []
  return mask !== undefined && (Number.parseInt(mask.slice(-8), 16) & (1 << 8)) !== 0
}

function isThreadExiting(folder: string): boolean {
  const fields = fieldsOfStat(readProc(`${folder}/stat`, true) ?? '', 20)
  return fields === undefined || hasExitingFlag(fields) || hasPendingKill(readProc(`${folder}/status`, true) ?? '')
}

/**
 * Whether a process exits with all of its threads, and does not just go on without its main thread: exit_group(2), or a
 * signal that ends the process, leaves SIGKILL pending for each thread that has not begun to exit.
 */
export const isExitingWhole = (pid: number): boolean =>
  entries(`/proc/${pid}/task`).every((tid) => isThreadExiting(`/proc/${pid}/task/${tid}`))
