import type { ChildProcess } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { isOwnChild } from '../system/own-children.js'

// Node names every child that this thread starts with child_process. Their exits are libuv's to wait for: a wait of
// ours for one of them would swallow its 'exit' event. `execSync` and node-pty announce nothing, and neither does the
// native start, which keeps a list.

const channel = 'child_process'

/** The children that this thread's Node started and has not waited for. */
export class UnwaitedChildren {
  #unborn: ChildProcess[] = []
  readonly #children = new Map<number, ChildProcess>()

  readonly #announce = (message: unknown): void => {
    // The pid is set only once spawn() has returned.
    const child = (message as { process: ChildProcess }).process
    this.#unborn.push(child)
    child.once('exit', () => {
      this.#unborn = this.#unborn.filter((each) => each !== child)
      if (child.pid !== undefined && this.#children.get(child.pid) === child) this.#children.delete(child.pid)
    })
  }

  subscribe(): void {
    subscribe(channel, this.#announce)
  }

  unsubscribe(): void {
    unsubscribe(channel, this.#announce)
    this.#unborn = []
    this.#children.clear()
  }

  /** Whether a child is libuv's to wait for, or the start's of this package. */
  has(pid: number): boolean {
    if (isOwnChild(pid)) return true
    for (const child of this.#unborn) if (child.pid !== undefined) this.#children.set(child.pid, child)
    this.#unborn = this.#unborn.filter((child) => child.pid === undefined && child.exitCode === null)
    const child = this.#children.get(pid)
    if (child === undefined) return false
    if (child.exitCode === null && child.signalCode === null) return true
    this.#children.delete(pid)
    return false
  }
}
