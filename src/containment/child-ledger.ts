import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { onceAWorker } from '../base/shelf.js'
import { isOwnChild } from '../system/own-children.js'

// The one list of what this thread's Node starts and waits for, with the one subscription behind it. Fixtures, the guard
// and the portable start read it. A child's exit is libuv's to wait for: a wait of ours would swallow its 'exit' event.
// `execSync` and node-pty announce nothing, and neither does the native start, which keeps a list.

const channel = 'child_process'

/** How many frames are kept: those of a launcher may stand between the test and the call. */
const frames = 50

/** Called inside the call that starts a child, before it has a pid. What it returns is called at the child's exit. */
export type Hear = (child: ChildProcess) => (() => void) | void

/** The call that started a child. Its text is made when it is read. */
export interface CallSite {
  readonly stack?: string
}

/** Whether nobody has waited for a child yet: until then the kernel gives its pid to no other process. */
export const isUnwaited = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

/** The children that this thread's Node has started and not waited for, while somebody reads the list. */
export class ChildLedger {
  readonly #readers = new Set<{ readonly hear: Hear | undefined }>()
  /** Those of which the pid is not known yet. */
  readonly #starting = new Set<ChildProcess>()
  readonly #children = new Map<number, ChildProcess>()

  /**
   * Begins to read the list, and to hear of each child.
   *
   * @returns a function that ends this.
   */
  open(hear?: Hear): () => void {
    const reader = { hear }
    if (this.#readers.size === 0) subscribe(channel, this.#announce)
    this.#readers.add(reader)
    return () => {
      if (!this.#readers.delete(reader) || this.#readers.size > 0) return
      unsubscribe(channel, this.#announce)
      this.#starting.clear()
      this.#children.clear()
    }
  }

  /** Whether a child is libuv's to wait for, or the start's of this package. */
  has(pid: number): boolean {
    if (isOwnChild(pid)) return true
    this.#settle()
    const child = this.#children.get(pid)
    if (child === undefined) return false
    if (isUnwaited(child)) return true
    this.#children.delete(pid)
    return false
  }

  /** The stack of the call that starts a child, without the frames of this file. Only for whoever is hearing of it. */
  callSite(): CallSite {
    const site: { stack?: string } = {}
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = frames
    Error.captureStackTrace(site, this.#announce)
    Error.stackTraceLimit = stackTraceLimit
    return site
  }

  readonly #announce = (message: unknown): void => {
    const { process: child } = message as { process: ChildProcess }
    this.#settle()
    this.#starting.add(child)
    const atExit = [...this.#readers].flatMap(({ hear }) => hear?.(child) ?? [])
    // It runs before all other listeners, any of which may look at what the child has left.
    child.prependOnceListener('exit', () => {
      this.#starting.delete(child)
      if (child.pid !== undefined && this.#children.get(child.pid) === child) this.#children.delete(child.pid)
      for (const exited of atExit) exited()
    })
  }

  /** The pid is set only once the call has returned, and never where nothing could be started. */
  #settle(): void {
    for (const child of this.#starting) {
      if (child.pid !== undefined) this.#children.set(child.pid, child)
      if (child.pid !== undefined || child.exitCode !== null) this.#starting.delete(child)
    }
  }
}

/** Every copy of this package in a worker reads the same list. */
export const childLedger = (): ChildLedger => onceAWorker('child-ledger.1', () => new ChildLedger())
