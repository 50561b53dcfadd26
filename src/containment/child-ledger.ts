import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { withManyFrames } from '../base/call-site.js'
import { onceAWorker } from '../base/shelf.js'
import { isOwnChild } from '../system/own-children.js'

// The one list of the children that Node has started in this thread and not yet waited for, with the one subscription
// behind it. Fixtures, the guard and the portable start read it. Only libuv may wait for these children: if we did,
// their 'exit' event would be lost. `execSync`, node-pty and the native start do not announce their children; the
// native start has its own list.

const channel = 'child_process'

/** How many frames are kept. Those of a launcher may come between the test and the call. */
const frames = 50

/**
 * Called inside the call that starts a child, before the child has a pid. The returned function is called at the
 * child's exit.
 */
export type Hear = (child: ChildProcess) => (() => void) | void

/** The call that started a child. Its text is only made when it is read. */
export interface CallSite {
  readonly stack?: string
}

/** Whether nobody has waited for a child yet. Until then the kernel gives its pid to no other process. */
export const isUnwaited = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null

/** The children that this thread's Node has started and not waited for, while somebody reads the list. */
export class ChildLedger {
  readonly #readers = new Set<{ readonly hear: Hear | undefined }>()
  /** The children whose pid is not known yet. */
  readonly #starting = new Set<ChildProcess>()
  readonly #children = new Map<number, ChildProcess>()

  /**
   * Begins to read the list and to hear of each child.
   *
   * @returns a function that ends this.
   */
  open(hear?: Hear): () => void {
    const reader = { hear }
    if (this.#readers.size === 0) subscribe(channel, this.#onStart)
    this.#readers.add(reader)
    return () => {
      if (!this.#readers.delete(reader) || this.#readers.size > 0) return
      unsubscribe(channel, this.#onStart)
      this.#starting.clear()
      this.#children.clear()
    }
  }

  /** Whether libuv, or this package's own start, is to wait for a child. */
  has(pid: number): boolean {
    if (isOwnChild(pid)) return true
    this.#settle()
    const child = this.#children.get(pid)
    if (child === undefined) return false
    if (isUnwaited(child)) return true
    this.#children.delete(pid)
    return false
  }

  /** The stack of the call that starts a child, without the frames of this file. Only inside a `Hear`. */
  callSite(): CallSite {
    const site: { stack?: string } = {}
    withManyFrames(() => Error.captureStackTrace(site, this.#onStart), frames)
    return site
  }

  readonly #onStart = (message: unknown): void => this.announce((message as { process: ChildProcess }).process)

  /** Tells the readers of a child that is about to start. Node announces its own, and others are announced by a call. */
  announce(child: ChildProcess): void {
    if (this.#readers.size === 0) return
    this.#settle()
    this.#starting.add(child)
    const atExit = [...this.#readers].flatMap(({ hear }) => hear?.(child) ?? [])
    // This runs before all other listeners, because they may look at what the child has left.
    child.prependOnceListener('exit', () => {
      this.#starting.delete(child)
      if (child.pid !== undefined && this.#children.get(child.pid) === child) this.#children.delete(child.pid)
      for (const exited of atExit) exited()
    })
  }

  /** The pid is only set when the call has returned, and not if nothing could be started. */
  #settle(): void {
    for (const child of this.#starting) {
      if (child.pid !== undefined) this.#children.set(child.pid, child)
      if (child.pid !== undefined || child.exitCode !== null) this.#starting.delete(child)
    }
  }
}

/** Every copy of this package in a worker reads the same list. */
export const childLedger = (): ChildLedger => onceAWorker('child-ledger.1', () => new ChildLedger())
