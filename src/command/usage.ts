import { holderOf } from '../system/process-table/holder.js'
import { after, every, now, restUntil } from '../base/clock.js'
import type { Tree } from '../containment/tree.js'
import { table } from '../system/process-table/current.js'
import { descendantsOf, fieldsOfStat, readProc, ticksPerSecond } from '../system/process-table/linux.js'
import type { ProcessIdentity } from '../system/process-table/table.js'

// Measures what the processes of a command use while they live. Afterwards it is too late: the kernel forgets a
// process's peak memory at its exit, and getrusage(2) counts a child's peak from the peak of the process that forked
// it.

/** What a command and everything that it started have used. */
export interface Usage {
  /** Bytes. The largest sum of the peaks (VmHWM in proc_pid_status(5)) of the processes that lived at the same time. */
  readonly peakMemory: number
  /** ms of processor time of all its processes, in user mode and in the kernel. */
  readonly cpuMs: number
}

/** ms until the first look. At its very start a program has used nothing, and the kernel tells little of its memory. */
const firstLook = 2
/** The shortest time between two looks, in ms. */
const interval = 20
/** After a look, this many times its duration passes before the next one. */
const rest = 50
/** ms between two looks that output triggers: they must not slow down a program that writes a lot. */
const shortestPause = 5

interface ProcessUsage {
  readonly peak: number
  /** Clock ticks of its own, and the same with those of the children that it has waited for. */
  readonly ticks: number
  readonly ticksWithChildren: number
  readonly isThreaded: boolean
}

/** What one process has used so far. Undefined if it has gone, or is a zombie, which has no memory any more. */
function usageOf(pid: number): ProcessUsage | undefined {
  const status = readProc(`/proc/${pid}/status`, true)
  const stat = readProc(`/proc/${pid}/stat`, true)
  const kilobytes = status === undefined ? null : /^VmHWM:\s+(\d+) kB$/m.exec(status)
  if (stat === undefined || kilobytes === null) return undefined
  // utime, stime, cutime, cstime, and behind priority and nice the number of threads.
  const fields = (fieldsOfStat(stat, 18) ?? []).slice(11).map(Number)
  const [utime = 0, stime = 0, cutime = 0, cstime = 0, , , threads = 1] = fields
  const ticks = utime + stime
  const ticksWithChildren = ticks + cutime + cstime
  return { peak: Number(kilobytes[1]) * 1024, ticks, ticksWithChildren, isThreaded: threads > 1 }
}

/** Measures what the processes of one command use, until its leader has exited. */
export class UsageMeter {
  readonly #tree: Tree
  readonly #seen = new Map<string, ProcessUsage>()
  #peakMemory = 0
  #nextLook = 0
  #lastLook = -Infinity
  #stop: () => void

  private constructor(tree: Tree) {
    this.#tree = tree
    this.#stop = after(firstLook, () => {
      this.#stop = every(interval, () => this.#sample())
      this.#sample()
      // The program has hardly begun, so output a moment later is worth another look.
      this.#lastLook = -Infinity
    })
  }

  /** Returns undefined where the system does not tell. */
  static begin(tree: Tree): UsageMeter | undefined {
    return table.name === 'linux' ? new UsageMeter(tree) : undefined
  }

  /** Looks, unless looking would take more than its share of the time. */
  #sample(): void {
    if (now() >= this.#nextLook) this.look()
  }

  /** Looks now because the program may be about to exit, unless the last look was just before. */
  lookAgain(): void {
    if (now() - this.#lastLook >= shortestPause) this.look()
  }

  look(): void {
    const begin = now()
    let sum = 0
    const visit = ({ pid, startTime }: ProcessIdentity): ProcessUsage | undefined => {
      const usage = usageOf(pid)
      if (usage === undefined) return undefined
      this.#seen.set(`${pid} ${startTime}`, usage)
      sum += usage.peak
      return usage
    }
    const { identity, known } = this.#tree
    const visited = new Set<number>([identity.pid])
    const leader = visit(identity)
    // To list the threads of a process costs as much as all the rest.
    descendantsOf({ pid: identity.pid, isThreaded: leader?.isThreaded ?? true }, (record) => {
      visited.add(record.pid)
      visit(record)
    })
    // A process that has lost its parent is below nobody, but containment has seen it before.
    for (const each of known.values()) {
      if (!visited.has(each.pid) && holderOf(each) !== undefined) visit(each)
    }
    this.#peakMemory = Math.max(this.#peakMemory, sum)
    this.#lastLook = now()
    this.#nextLook = restUntil(begin, rest)
  }

  /** Ends the looks. */
  end(): Usage {
    this.#stop()
    const all = [...this.#seen.values()]
    const own = all.reduce((ticks, each) => ticks + each.ticks, 0)
    // Children that came and went between two looks are included in the count of the parent that waited for them.
    const leader = this.#seen.get(`${this.#tree.identity.pid} ${this.#tree.identity.startTime}`)
    const ticks = Math.max(own, leader?.ticksWithChildren ?? 0)
    return { peakMemory: this.#peakMemory, cpuMs: (ticks * 1000) / ticksPerSecond }
  }
}
