import { nextTick } from 'node:process'
import { isMainThread } from 'node:worker_threads'
import { carriesLocksMark, carryLocksMark, giveLocksMark, readLocksMark } from '../containment/locks-mark.js'
import { formatMark, parseMarks, runVariable } from '../containment/marks.js'
import { thisOwner } from '../containment/owner.js'
import { realProcess } from '../base/real-process.js'
import { table } from '../system/process-table/current.js'
import { SharedMark } from '../containment/threads/shared-mark.js'
import { nextLocksMark } from '../worker/command-marks.js'
import { workerState } from '../worker/state.js'

/** The environments from which a child may inherit: Jest's tests see another one than Node does. */
const environments = (): NodeJS.ProcessEnv[] => [...new Set([process.env, realProcess.env])]

/**
 * What a mark stands for: something that a test started, by the number of the start; a fixture's command; or something
 * that this thread's file started while no other thread guarded one.
 */
export type MarkedAs = { readonly kind: 'start'; readonly number: number } | { readonly kind: 'command' | 'file' }

/** The marks that a test's own children inherit: this process carries each of them itself until the next start. */
export class StartMarks {
  readonly #name: string
  readonly #numbers = new Map<bigint, number>()
  readonly #locks = new Map<number, bigint>()
  #isClosed = false
  #putBack: (() => void) | undefined
  #shared: SharedMark | undefined

  /** @param name of the variable in the environment. */
  constructor(name: string) {
    this.#name = name
  }

  /**
   * Makes the next child inherit this number. Called when the one before it is announced: that one has its environment
   * already, and inherits the limit when it is forked, later in the same call.
   */
  carry(number: number): void {
    const value = formatMark({ owner: thisOwner(), run: realProcess.env[runVariable] ?? '0', tree: `g.${number}` })
    const { outside } = workerState()
    for (const environment of environments()) {
      environment[this.#name] = value
      environment[outside] = '1'
    }
    this.renew()
    const locks = nextLocksMark()
    if (locks === undefined) return
    this.#numbers.set(locks, number)
    this.#locks.set(number, locks)
    this.#limit(Math.max(1, number - 1))
    nextTick(() => this.#limit(this.#locks.size))
  }

  /** Makes what is forked from now on inherit the limit of this number. */
  #limit(number: number): void {
    const locks = this.#locks.get(number)
    if (this.#isClosed || locks === undefined) return
    const putBack = carryLocksMark(locks)
    this.#putBack ??= putBack
  }

  /** Lets the mark that all threads share say that this file is guarded. */
  renew(): void {
    if (isMainThread) return
    if (this.#shared === undefined) this.#shared = SharedMark.hold(workerState().locks?.worker)
    else this.#shared.renew()
  }

  /** Called when all tests have ended. Returns whether no other thread guards a file. */
  leave(): boolean {
    return this.#shared?.release() === true
  }

  /** Called when a child runs. Limits are per process, so the child of a worker thread is given its own by its pid. */
  give(number: number, pid: number): void {
    const locks = isMainThread ? undefined : this.#locks.get(number)
    if (locks !== undefined) giveLocksMark(pid, locks)
  }

  /** Which of this worker's marks a process carries. */
  read(pid: number, environment: readonly string[] | undefined): MarkedAs | undefined {
    return this.#readEnvironment(environment) ?? this.#readLimit(pid)
  }

  #readEnvironment(environment: readonly string[] | undefined): MarkedAs | undefined {
    const entry = environment?.find((each) => each.startsWith(`${this.#name}=`))
    const tree = entry === undefined ? undefined : parseMarks([entry])[0]?.tree
    if (tree === undefined) return undefined
    return tree.startsWith('g.') ? { kind: 'start', number: Number(tree.slice(2)) } : { kind: 'command' }
  }

  #readLimit(pid: number): MarkedAs | undefined {
    const own = workerState().locks
    const limit = own === undefined || table.name !== 'linux' ? undefined : readLocksMark(pid)
    if (own === undefined || limit === undefined) return undefined
    if (this.#shared?.isAlone(limit.soft) === true) return { kind: 'file' }
    if (!carriesLocksMark(limit, own.worker)) return undefined
    const number = this.#numbers.get(limit.soft) ?? this.#numbers.get(limit.hard)
    return number === undefined ? { kind: 'command' } : { kind: 'start', number }
  }

  close(): void {
    this.#isClosed = true
    this.#putBack?.()
    this.#putBack = undefined
    this.leave()
  }
}
