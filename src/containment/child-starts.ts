import type { ChildProcess } from 'node:child_process'
import { nextTick } from 'node:process'
import { quoteCommand } from '../base/command-line.js'
import { now, wallClock } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { standardStreams } from '../system/process-table/linux.js'
import type { ProcessIdentity } from '../system/process-table/table.js'
import type { KnownProcess } from './root.js'
import { type CallSite, childLedger, isUnwaited } from './child-ledger.js'

// What a guard remembers about each child in the ledger: the line of code that started it, and everything that was seen
// below it.

/** A child that Node announced. */
export interface ChildStart {
  readonly child: ChildProcess
  /** Counted from 1, in the order of the announcements. */
  readonly number: number
  readonly site: CallSite
  /** When it started, on our clock. */
  readonly startedAt: number
  /** Undefined until the call has returned, and if nothing could be started. */
  identity: ProcessIdentity | undefined
  /** Its output streams, as /proc/PID/fd names them, if this thread reads them. */
  streams: ReadonlySet<string>
  /** When it exited, on our clock. */
  exitedAt: number | undefined
  /** Everything that was ever seen below it, by pid. */
  readonly known: Map<number, KnownProcess>
}

/** Whether nobody has waited for the child yet. */
export const isHeld = ({ child }: ChildStart): boolean => isUnwaited(child)

/** The command line as a shell would show it. */
export const commandOf = ({ child }: ChildStart): string => quoteCommand(child.spawnargs ?? [])

export interface ChildStartListener {
  /** Whether this package itself is starting the current child. */
  isOwn(): boolean
  /** Called when a child is about to start. */
  announced(start: ChildStart): void
  /** Called when a child runs, and its pid and start time are known. */
  started(start: ChildStart): void
  exited(start: ChildStart): void
}

/** Reads the ledger from `open` to `close`. */
export class ChildStarts {
  readonly #listener: ChildStartListener
  readonly #ledger = childLedger()
  #close: () => void = () => {}
  #count = 0

  constructor(listener: ChildStartListener) {
    this.#listener = listener
  }

  /** How many children there have been. */
  get count(): number {
    return this.#count
  }

  open(): void {
    this.#close = this.#ledger.open((child) => this.#hear(child))
  }

  close(): void {
    this.#close()
  }

  #hear(child: ChildProcess): (() => void) | void {
    if (this.#listener.isOwn()) return
    this.#count += 1
    const start: ChildStart = {
      child,
      number: this.#count,
      site: this.#ledger.callSite(),
      startedAt: now(),
      identity: undefined,
      streams: new Set(),
      exitedAt: undefined,
      known: new Map(),
    }
    this.#listener.announced(start)
    // The pid is set when the call has returned, and Node does not wait for the child before the event loop turns.
    nextTick(() => this.#identifySoon(start))
    return () => {
      start.exitedAt = now()
      this.#listener.exited(start)
    }
  }

  #identifySoon(start: ChildStart): void {
    try {
      identify(start, this.#listener)
    } catch {
      // There are no more descriptors. Whoever looks at the children next tries again.
    }
  }
}

/** A child's standard output and error, if they are pipes to this thread. */
function outputOf({ pid, stdout, stderr }: ChildProcess): string[] {
  if (table.name !== 'linux') return []
  const read = [...(stdout === null ? [] : [1]), ...(stderr === null ? [] : [2])]
  return standardStreams(pid!, read)
}

/** Finds a child's identity once it has a pid. */
export function identify(start: ChildStart, listener?: ChildStartListener): void {
  const { pid } = start.child
  if (start.identity !== undefined || pid === undefined || !isHeld(start)) return
  // The portable table would have to start ps(1), and only has whole seconds anyway.
  const startTime = table.name === 'linux' ? table.identify(pid)?.startTime : Math.floor(wallClock() / 1000)
  if (startTime === undefined) return
  start.identity = { pid, startTime }
  start.streams = new Set(outputOf(start.child))
  listener?.started(start)
}
