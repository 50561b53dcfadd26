import { type KillOutcome, toSurvivor } from './containment.js'
import { backoff, now, pause, sleep, timeLimit, turn } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import type { ProcessIdentity, ProcessRecord } from '../system/process-table/table.js'
import type { SignalOutcome } from '../system/signals.js'
import type { Evidence } from './evidence.js'
import { Exempt } from './exempt.js'
import { type Member, type ProcessInfo, toMember, type Tree } from './tree.js'

// The one kill loop: each round looks, and has SIGKILL sent to each process of the trees to be killed, until so many rounds
// in a row find none. All kills that are under way share the loop, so that two hundred tests cost one loop and not two hundred.

/** The longest pause between two rounds, in ms, if the loop does not block the event loop. */
const mostPause = 20

/**
 * How many rounds in a row must find nothing if somebody on this machine forked during the last one: it may have been one
 * of ours, which no list contained and no look met.
 */
const restlessRounds = 3

/** A kill ends with at least this many rounds, even if they take longer than its timeout on a busy machine. */
const leastRounds = 4

/** ms after which a process that survived SIGKILL gets it again: it may have left its group just before. */
const patience = 20

/** A process that a round found alive, or found traces of, and the result of the signal. */
export interface Signalled {
  readonly record: ProcessRecord
  readonly tree: Tree
  readonly evidence: Evidence
  readonly outcome: SignalOutcome
}

export interface Round {
  readonly signalled: readonly Signalled[]
  /** Whether something is alive that cannot be attributed now. */
  readonly isUncertain: boolean
  /** Whether a process that was started meanwhile may have been missed. */
  readonly isRestless?: boolean
  /** Orphans that may belong to one of the targets or to others. */
  readonly unattributed: () => readonly AmbiguousOrphan[]
}

/** What a round needs to know about all kills under way. */
export interface Targets {
  readonly trees: ReadonlySet<Tree>
  readonly exempt: Exempt
  /** Whether a process was sent SIGKILL a moment ago. */
  wasSignalled(record: ProcessIdentity): boolean
  /** Whether a kill ends if this round finds nothing. Then the round leaves nothing out. */
  readonly isLast: boolean
  /** One of the trees to be killed. A process that belongs to one of them, nobody knows to which, is reported under it. */
  readonly any: Tree | undefined
}

interface Request {
  readonly trees: ReadonlySet<Tree>
  readonly deadline: number
  readonly killed: Map<number, Member>
  empty: number
  rounds: number
  resolve(outcome: KillOutcome): void
  reject(error: unknown): void
}

/** An orphan that nothing attributes to a single tree. */
export interface AmbiguousOrphan {
  readonly info: ProcessInfo
  /** The trees to which it may belong. */
  readonly candidates: readonly Tree[]
}

export interface KillSteps {
  /** How many rounds in a row must find nothing. */
  readonly emptyRounds: number
  /** ms for which the loop may block the event loop before it yields to it. */
  readonly burst: number
  /** Sends SIGKILL to everything that is known of these trees at once. Returns what was alive. */
  begin(trees: readonly Tree[], exempt: readonly Member[]): readonly Member[]
  round(targets: Targets): Round | Promise<Round>
  /** Whether a process that was signalled counts as one that was alive. */
  countsAsKilled(signalled: Signalled): boolean
}

const memberOf = ({ record, tree, evidence }: Signalled): Member => toMember(record, tree, evidence)

/** The processes that this user may signal. */
function ownOf(members: readonly Member[]): readonly Member[] {
  const user = process.geteuid?.()
  return user === 0 ? members : members.filter(({ pid }) => table.owner(pid) === user)
}

/**
 * If only leaders were alive, which is the most frequent case, waits for the news of their exits first. The event loop
 * brings it, and the kill loop would block that.
 */
async function leadersExits(begun: readonly Member[]): Promise<void> {
  const exits = begun.flatMap(({ pid, tree }) =>
    pid === tree.identity.pid && tree.leaderExit !== undefined ? [tree.leaderExit] : [],
  )
  if (exits.length === 0 || exits.length < begun.length) return
  const limit = timeLimit(patience)
  await Promise.race([limit.over, Promise.all(exits)])
  limit.end()
}

export class KillLoop {
  readonly #steps: KillSteps
  readonly #requests = new Set<Request>()
  readonly #exempt = new Exempt()
  readonly #signalled = new Map<number, { readonly startTime: number; readonly at: number }>()
  readonly #toBegin: { readonly trees: readonly Tree[]; readonly exempt: readonly Member[] }[] = []
  #beginning: Promise<readonly Member[]> | undefined
  #isRunning = false

  constructor(steps: KillSteps) {
    this.#steps = steps
  }

  async kill(trees: readonly Tree[], timeout: number, exempt: readonly Member[]): Promise<KillOutcome> {
    const own = new Set(trees)
    const begun = (await this.#begin(trees, exempt)).filter(({ tree }) => own.has(tree))
    // For other users' processes we do not know yet whether the signal was permitted; the loop retries each.
    for (const { pid, startTime } of ownOf(begun)) this.#signalled.set(pid, { startTime, at: now() })
    await leadersExits(begun)
    return new Promise((resolve, reject) => {
      // Only noted now, because the end of another kill's loop would have cleared it.
      for (const each of exempt) this.#exempt.add(each)
      const killed = new Map(begun.map((member) => [member.pid, member]))
      this.#requests.add({ trees: own, deadline: now() + timeout, killed, empty: 0, rounds: 0, resolve, reject })
      if (!this.#isRunning) void this.#run()
    })
  }

  /**
   * Scans once for all kills that are requested in the same turn of the event loop. Otherwise two hundred kills would
   * read the same list two hundred times.
   */
  #begin(trees: readonly Tree[], exempt: readonly Member[]): Promise<readonly Member[]> {
    this.#beginning ??= turn().then(() => {
      const together = this.#toBegin.splice(0)
      this.#beginning = undefined
      return this.#steps.begin(
        together.flatMap((each) => each.trees),
        together.flatMap((each) => each.exempt),
      )
    })
    this.#toBegin.push({ trees, exempt })
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
          // All processes were signalled and are not dead yet: leave them the processor.
          if (waiting > 0 && burst > 0) pause(0.1 + waiting / 100)
        } while (this.#requests.size > 0 && now() < burstEnd)
        if (this.#requests.size === 0) break
        await sleep(delay)
      }
    } catch (error) {
      // An error such as EMFILE rejects every kill that shares the loop, not only the one that began it.
      for (const request of this.#requests) request.reject(error)
      this.#requests.clear()
    } finally {
      this.#isRunning = false
      this.#exempt.clear()
      this.#signalled.clear()
    }
  }

  /** One round for all requests. Returns how many processes are about to die, or 0 when a new one was found. */
  async #step(): Promise<number> {
    // The round has not looked for trees whose kill is requested while it is under way.
    const requests = [...this.#requests]
    const trees = new Set(requests.flatMap((request) => [...request.trees]))
    const [any] = trees
    const round = await this.#steps.round({
      trees,
      exempt: this.#exempt,
      wasSignalled: (record) => this.#wasSignalled(record),
      isLast: requests.some(({ empty }) => empty >= this.#steps.emptyRounds - 1),
      any,
    })
    const { signalled } = round
    let isNew = false
    for (const each of signalled) {
      if (each.outcome !== 'sent' || this.#wasSignalled(each.record)) continue
      isNew = true
      this.#signalled.set(each.record.pid, { startTime: each.record.startTime, at: now() })
    }
    this.#finish(
      requests.filter((request) => this.#isOver(request, round)),
      round,
    )
    return isNew ? 0 : signalled.length
  }

  #wasSignalled({ pid, startTime }: ProcessIdentity): boolean {
    const signalled = this.#signalled.get(pid)
    return signalled !== undefined && signalled.startTime === startTime && now() - signalled.at < patience
  }

  /** Counts the round for a request. Returns whether the request is done. */
  #isOver(request: Request, { signalled, isUncertain, isRestless = false }: Round): boolean {
    const own = signalled.filter(({ tree }) => request.trees.has(tree))
    for (const each of own) {
      const { pid } = each.record
      if (!request.killed.has(pid) && this.#steps.countsAsKilled(each)) request.killed.set(pid, memberOf(each))
    }
    request.rounds += 1
    request.empty = own.length === 0 && !isUncertain ? request.empty + 1 : 0
    const enough = Math.max(this.#steps.emptyRounds, isRestless ? restlessRounds : 0)
    const isRefused = own.length > 0 && own.every(({ outcome }) => outcome === 'forbidden')
    if (request.empty >= enough || isRefused) return true
    return now() >= request.deadline && request.rounds >= leastRounds
  }

  #finish(requests: readonly Request[], { signalled, unattributed }: Round): void {
    if (requests.length === 0) return
    const ambiguous = unattributed()
    for (const request of requests) {
      this.#requests.delete(request)
      request.resolve({
        unattributed: ambiguous
          .filter(({ candidates }) => candidates.some((tree) => request.trees.has(tree)))
          .map(({ info }) => info),
        survivors: signalled
          .filter(({ tree }) => request.trees.has(tree))
          .map((each) => toSurvivor(memberOf(each), each.outcome)),
        killed: [...request.killed.values()],
      })
    }
  }
}
