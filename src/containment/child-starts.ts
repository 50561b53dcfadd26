import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { nextTick } from 'node:process'
import { quoteCommand } from '../base/command-line.js'
import { now, wallClock } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { standardStreams } from '../system/process-table/linux.js'
import type { ProcessIdentity } from '../system/process-table/table.js'

// Node names every child that this thread starts with child_process, from inside the call that starts it: the stack
// at that moment leads to the line that wanted it.

const channel = 'child_process'

/** Frames that are kept: a launcher may stand between the test and the call. */
const frames = 50

/** A child that Node announced. */
export interface Birth {
  readonly child: ChildProcess
  /** In the order in which they were announced, from 1. */
  readonly number: number
  /** The call that started it. Its text is made when it is read. */
  readonly site: { readonly stack?: string }
  /** On the clock of `now()`. */
  readonly bornAt: number
  /** Undefined until the call has returned, and when nothing could be started. */
  identity: ProcessIdentity | undefined
  /** What /proc/PID/fd shows of its output, where this thread reads that. */
  streams: ReadonlySet<string>
  /** On the clock of `now()`. */
  exitedAt: number | undefined
  /** Everything ever seen below it, by number. */
  readonly known: Map<number, ProcessIdentity>
}

/** Whether nobody has waited for it yet: until then its number is its own. */
export const isHeld = ({ child }: Birth): boolean => child.exitCode === null && child.signalCode === null

/** As a shell would show it. */
export const commandOf = ({ child }: Birth): string => quoteCommand(child.spawnargs ?? [])

/** The call that is under way, less the frames above `below`. */
function captureSite(below: (message: unknown) => void): { stack?: string } {
  const site: { stack?: string } = {}
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = frames
  Error.captureStackTrace(site, below)
  Error.stackTraceLimit = stackTraceLimit
  return site
}

export interface Audience {
  /** Whether a child that is being started now is none of the user's. */
  isOwn(): boolean
  /** It is about to be started. */
  announced(birth: Birth): void
  /** It runs, and is known by number and start. */
  born(birth: Birth): void
  exited(birth: Birth): void
}

/** Hears of the children of this thread from `open` to `close`. */
export class Announcements {
  readonly #audience: Audience
  #count = 0

  constructor(audience: Audience) {
    this.#audience = audience
  }

  /** How many there were. */
  get count(): number {
    return this.#count
  }

  open(): void {
    subscribe(channel, this.#hear)
  }

  close(): void {
    unsubscribe(channel, this.#hear)
  }

  readonly #hear = (message: unknown): void => {
    if (this.#audience.isOwn()) return
    const { process: child } = message as { process: ChildProcess }
    this.#count += 1
    const birth: Birth = {
      child,
      number: this.#count,
      site: captureSite(this.#hear),
      bornAt: now(),
      identity: undefined,
      streams: new Set(),
      exitedAt: undefined,
      known: new Map(),
    }
    // Before all other listeners: any of them may look at what the child left.
    child.prependOnceListener('exit', () => {
      birth.exitedAt = now()
      this.#audience.exited(birth)
    })
    this.#audience.announced(birth)
    // The pid is set once the call has returned, and nobody waits for it before the event loop turns.
    nextTick(() => identify(birth, this.#audience))
  }
}

/** Its standard output and error, where they are pipes to this thread. */
function outputOf({ pid, stdout, stderr }: ChildProcess): string[] {
  if (table.name !== 'linux') return []
  const read = [...(stdout === null ? [] : [1]), ...(stderr === null ? [] : [2])]
  return standardStreams(pid!, read)
}

/** Looks up who a child is, as soon as it has a number. */
export function identify(birth: Birth, audience?: Audience): void {
  const { pid } = birth.child
  if (birth.identity !== undefined || pid === undefined || !isHeld(birth)) return
  // The portable table would have to start ps(1), and counts in whole seconds anyway.
  const startTime = table.name === 'linux' ? table.identify(pid)?.startTime : Math.floor(wallClock() / 1000)
  if (startTime === undefined) return
  birth.identity = { pid, startTime }
  birth.streams = new Set(outputOf(birth.child))
  audience?.born(birth)
}
