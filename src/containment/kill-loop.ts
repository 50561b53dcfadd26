import { type KillOutcome, toSurvivor } from './containment.js'
import { after, backoff, now, pause, sleep, turn } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import type { SignalOutcome } from '../system/signals.js'
import type { Evidence } from './evidence.js'
import { type Member, type ProcessInfo, toMember, type Tree } from './tree.js'

// The one kill loop: look, SIGKILL each that is wanted, until so many rounds in a row find none. All kills that are
// wanted at the same time share it, so that two hundred tests at once cost one loop and not two hundred.

/** The longest pause between two rounds, in ms, where the loop does not block the event loop. */
const mostPause = 20

/** ms after which one that was sent SIGKILL and lives is sent it again: it may have left its group just before. */
const patience = 20

/** What one round found alive, or traces of, and what became of the signal. */
export interface Struck {
  readonly record: ProcessRecord
  readonly tree: Tree
  readonly evidence: Evidence
  readonly outcome: SignalOutcome
}

export interface Round {
  readonly struck: readonly Struck[]
  /** Something is alive that cannot be attributed at this moment. */
  readonly isUncertain: boolean
  /** Orphans that may be of one of the targets or of others. */
  readonly unattributed: () => readonly Untold[]
}

/** What a round needs to know of all kills under way. */
export interface Targets {
  readonly trees: ReadonlySet<Tree>
  readonly spared: readonly Member[]
  isSpared(record: ProcessIdentity): boolean
  /** Whether one that is spared is in the tree's own group: then nobody signals the group as a whole. */
  isSplit(tree: Tree): boolean
  /** Whether it was sent SIGKILL a moment ago. */
  isStruck(record: ProcessIdentity): boolean
  /** Whether this round ends a kill if it finds nothing: then nothing is left out. */
  readonly isLast: boolean
  /** Any tree that is wanted: for what can only be said to be of one of them. */
  readonly any: Tree | undefined
}

interface Request {
  readonly trees: ReadonlySet<Tree>
  readonly deadline: number
  readonly killed: Map<number, Member>
  empty: number
  resolve(outcome: KillOutcome): void
  reject(error: unknown): void
}

/** An orphan of which nothing tells whose it is. */
export interface Untold {
  readonly info: ProcessInfo
  /** Whose it may be, of those that were asked for. */
  readonly candidates: readonly Tree[]
}

export interface KillSteps {
  /** How many rounds in a row must find nothing. */
  readonly emptyRounds: number
  /** ms for which the loop may block the event loop before it takes turns with it. */
  readonly burst: number
  /** SIGKILLs everything that is known of these trees at once. Returns what was alive. */
  begin(trees: readonly Tree[], spared: readonly Member[]): readonly Member[]
  round(targets: Targets): Round | Promise<Round>
  /** Whether one that was struck is said to have been alive. */
  countsAsKilled(struck: Struck): boolean
}

const memberOf = ({ record, tree, evidence }: Struck): Member => toMember(record, tree, evidence)

/** Those that this user may signal. */
function ownOf(members: readonly Member[]): readonly Member[] {
  const user = process.geteuid?.()
  return user === 0 ? members : members.filter(({ pid }) => table.owner(pid) === user)
}

/**
 * Where nothing but leaders was alive, which is most often so, the news of their exits is waited for first: it comes to
 * the event loop, which the loop below would block.
 */
async function leadersExits(begun: readonly Member[]): Promise<void> {
  const exits = begun.flatMap(({ pid, tree }) =>
    pid === tree.identity.pid && tree.leaderExit !== undefined ? [tree.leaderExit] : [],
  )
  if (exits.length === 0 || exits.length < begun.length) return
  let cancel = (): void => {}
  const limit = new Promise<void>((resolve) => (cancel = after(patience, resolve)))
  await Promise.race([limit, Promise.all(exits)])
  cancel()
}

export class KillLoop {
  readonly #steps: KillSteps
  readonly #requests = new Set<Request>()
  readonly #spared = new Map<number, Member>()
  readonly #struck = new Map<number, { readonly startTime: number; readonly at: number }>()
  readonly #toBegin: { readonly trees: readonly Tree[]; readonly spared: readonly Member[] }[] = []
  #beginning: Promise<readonly Member[]> | undefined
  #isRunning = false

  constructor(steps: KillSteps) {
    this.#steps = steps
  }

  async kill(trees: readonly Tree[], timeout: number, spared: readonly Member[]): Promise<KillOutcome> {
    const own = new Set(trees)
    const begun = (await this.#begin(trees, spared)).filter(({ tree }) => own.has(tree))
    // For other users' processes we do not know yet whether the signal was permitted; the loop retries each.
    for (const { pid, startTime } of ownOf(begun)) this.#struck.set(pid, { startTime, at: now() })
    await leadersExits(begun)
    return new Promise((resolve, reject) => {
      // Not before: the end of another kill's loop would forget them.
      for (const each of spared) this.#spared.set(each.pid, each)
      const killed = new Map(begun.map((member) => [member.pid, member]))
      this.#requests.add({ trees: own, deadline: now() + timeout, killed, empty: 0, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  /**
   * One scan for all kills that are requested in the same turn of the event loop: two hundred would read the same list two
   * hundred times. Who waits for a program's output asks for a kill while the others' output is still being read.
   */
  #begin(trees: readonly Tree[], spared: readonly Member[]): Promise<readonly Member[]> {
    this.#beginning ??= turn().then(() => {
      const together = this.#toBegin.splice(0)
      this.#beginning = undefined
      return this.#steps.begin(
        together.flatMap((each) => each.trees),
        together.flatMap((each) => each.spared),
      )
    })
    this.#toBegin.push({ trees, spared })
    return this.#beginning
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    const { burst } = this.#steps
    try {
      for (const delay of backoff(burst > 0 ? 1 : mostPause)) {
        const burstEnd = now() + burst
        do {
          const waiting = await this.#step()
          // All of it has its signal and is not dead yet: leave the processor to it.
          if (waiting > 0 && burst > 0) pause(0.1 + waiting / 100)
        } while (this.#requests.size > 0 && now() < burstEnd)
        if (this.#requests.size === 0) break
        await sleep(delay)
      }
    } catch (error) {
      // Such as EMFILE. Whoever shares the loop hears of it, and not only who began it.
      for (const request of this.#requests) request.reject(error)
      this.#requests.clear()
    } finally {
      this.#isRunning = false
      this.#spared.clear()
      this.#struck.clear()
    }
  }

  /** One round for all requests. Returns how many wait for their death, or 0 when something was new. */
  async #step(): Promise<number> {
    // Who comes while the round is under way has not been looked for in it.
    const requests = [...this.#requests]
    const trees = new Set(requests.flatMap((request) => [...request.trees]))
    const [any] = trees
    const round = await this.#steps.round({
      trees,
      spared: [...this.#spared.values()],
      isSpared: ({ pid, startTime }) => this.#spared.get(pid)?.startTime === startTime,
      isSplit: (tree) =>
        [...this.#spared.values()].some((each) => each.tree === tree && each.group === tree.identity.pid),
      isStruck: (record) => this.#isStruck(record),
      isLast: requests.some(({ empty }) => empty >= this.#steps.emptyRounds - 1),
      any,
    })
    const { struck } = round
    let isNew = false
    for (const each of struck) {
      if (each.outcome !== 'sent' || this.#isStruck(each.record)) continue
      isNew = true
      this.#struck.set(each.record.pid, { startTime: each.record.startTime, at: now() })
    }
    this.#finish(
      requests.filter((request) => this.#isOver(request, round)),
      round,
    )
    return isNew ? 0 : struck.length
  }

  #isStruck({ pid, startTime }: ProcessIdentity): boolean {
    const struck = this.#struck.get(pid)
    return struck !== undefined && struck.startTime === startTime && now() - struck.at < patience
  }

  /** Counts the round for a request. Whether nothing more is to be done for it. */
  #isOver(request: Request, { struck, isUncertain }: Round): boolean {
    const own = struck.filter(({ tree }) => request.trees.has(tree))
    for (const each of own) {
      const { pid } = each.record
      if (!request.killed.has(pid) && this.#steps.countsAsKilled(each)) request.killed.set(pid, memberOf(each))
    }
    request.empty = own.length === 0 && !isUncertain ? request.empty + 1 : 0
    const isRefused = own.length > 0 && own.every(({ outcome }) => outcome === 'forbidden')
    return request.empty >= this.#steps.emptyRounds || isRefused || now() >= request.deadline
  }

  #finish(requests: readonly Request[], { struck, unattributed }: Round): void {
    if (requests.length === 0) return
    const untold = unattributed()
    for (const request of requests) {
      this.#requests.delete(request)
      request.resolve({
        unattributed: untold
          .filter(({ candidates }) => candidates.some((tree) => request.trees.has(tree)))
          .map(({ info }) => info),
        survivors: struck
          .filter(({ tree }) => request.trees.has(tree))
          .map((each) => toSurvivor(memberOf(each), each.outcome)),
        killed: [...request.killed.values()],
      })
    }
  }
}
