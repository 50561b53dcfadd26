import type { Descendant, Sight } from '../guard/descendants.js'
import type { Guarded } from '../guard/watch.js'
import { services } from '../guard/options.js'
import { backoff, every, now, sleep, wallClock } from '../base/clock.js'
import { alwaysAllowed } from '../containment/allowance.js'
import { askToEnd, climb, outcomeOfKill, sweepTimeout } from '../containment/ladder.js'
import { pidsFrom } from '../system/forest.js'
import { table } from '../system/process-table/current.js'
import { isRunning } from '../system/process-table/holder.js'
import { keyOf } from '../system/process-table/table.js'
import { isMatch } from '../wait/pattern.js'
import { guardian } from '../worker/own-guardian.js'
import type { RunFinding } from './findings.js'

// Finds the live processes of the command, and ends them. The command leads no group of its own, so each process is
// signalled alone: other members of its group, such as the rest of a pipeline, belong to the shell.

const lookInterval = 100

/** A process that was seen alive, and how it ended. */
interface Seen {
  readonly finding: Omit<RunFinding, 'outcome'>
  outcome: string
  isAlive: boolean
}

export class RunDescendants {
  readonly #guarded: Guarded
  readonly #patterns: readonly (string | RegExp)[]
  /** The pid of the command itself. */
  readonly #leader: number
  readonly #group: number
  readonly #session: number
  readonly #seen = new Map<string, Seen>()
  readonly #allowed = new Map<string, RunFinding>()
  /** What the guardian was told of. */
  readonly #held = new Map<string, Descendant>()
  /** The processes that were sent SIGTERM. */
  readonly #asked = new Set<string>()
  #looking: Promise<unknown> = Promise.resolve()
  readonly #onSight: (members: readonly Descendant[]) => void
  #isForced = false
  #stopLooking: () => void = () => {}

  /** @param onSight called with what each look has found. */
  constructor(
    guarded: Guarded,
    leader: number,
    allow: readonly (string | RegExp)[],
    onSight: (members: readonly Descendant[]) => void,
  ) {
    this.#guarded = guarded
    this.#leader = leader
    this.#onSight = onSight
    this.#patterns = [...alwaysAllowed, ...services, ...allow]
    const own = table.identify(process.pid)
    this.#group = own?.group ?? 0
    this.#session = own?.session ?? 0
  }

  /** While the command runs, tells the guardian of orphans, and waits for those that have exited. */
  watch(): void {
    this.#stopLooking = every(lookInterval, () => {
      if (this.#guarded.descendants.level === 'strict' && this.#guarded.descendants.hasChanged()) void this.#look()
    })
  }

  /** Called at the end. If the guardian had to look for what has gone, it would live on for a while after the run. */
  unwatch(): void {
    this.#stopLooking()
    for (const each of this.#held.values()) if (!isRunning(each)) guardian().forgetProcess(each)
  }

  /** From now on, kills without a grace. */
  force(): void {
    this.#isForced = true
  }

  get left(): RunFinding[] {
    return [...this.#seen.values()].map(({ finding, outcome }) => ({ ...finding, outcome }))
  }

  get alive(): number {
    return [...this.#seen.values()].filter(({ isAlive }) => isAlive).length
  }

  get allowed(): RunFinding[] {
    return [...this.#allowed.values()]
  }

  /** Looks one at a time: each look begins with what the last one has found. */
  #look(): Promise<Sight> {
    const look = this.#looking.then(async () => {
      const { descendants } = this.#guarded
      descendants.acknowledge()
      const sight = await descendants.look()
      for (const each of sight.members) this.#hold(each)
      this.#onSight(sight.members)
      return sight
    })
    this.#looking = look.catch(() => {})
    return look
  }

  /** Tells the guardian of an orphan by pid and start time: once its parent is dead, nothing links it to the command. */
  #hold(each: Descendant): void {
    if (each.ppid !== process.pid || each.pid === this.#leader || this.#held.has(keyOf(each))) return
    this.#held.set(keyOf(each), each)
    guardian().watchProcess(each)
  }

  /** The live processes that are not allowed. `allow` does not apply to the command itself. */
  async #blamed(): Promise<Sight> {
    const sight = await this.#look()
    const allowed = pidsFrom(
      sight.members,
      ({ pid }) => pid !== this.#leader && this.#patterns.some((pattern) => isMatch(pattern, table.commandLine(pid))),
    )
    for (const each of sight.members) if (allowed.has(each.pid)) this.#allow(each)
    return { ...sight, members: sight.members.filter(({ pid }) => !allowed.has(pid)) }
  }

  #allow(each: Descendant): void {
    if (this.#allowed.has(keyOf(each))) return
    this.#allowed.set(keyOf(each), { ...this.#describe(each), outcome: 'allowed' })
    guardian().exempt(each)
  }

  #describe(each: Descendant): Omit<RunFinding, 'outcome'> {
    const isOwnSession = each.session !== 0 && each.session !== this.#session
    return {
      pid: each.pid,
      ppid: each.ppid,
      command: table.commandLine(each.pid),
      place:
        each.group === this.#group ? 'in the group' : isOwnSession ? 'left the group (own session)' : 'left the group',
      ranMs: Math.max(0, Math.round(wallClock() - table.startedAt(each))),
    }
  }

  #note(each: Descendant, outcome: string): void {
    const seen = this.#seen.get(keyOf(each))
    if (each.pid === this.#leader) return
    if (seen === undefined) this.#seen.set(keyOf(each), { finding: this.#describe(each), outcome, isAlive: true })
    else seen.outcome = outcome
  }

  #noteGone(found: readonly Descendant[]): void {
    const keys = new Set(found.map(keyOf))
    for (const [key, seen] of this.#seen) seen.isAlive = keys.has(key)
  }

  /** Waits `patience` ms for the processes to exit by themselves, and returns those that have not. It sends no signal. */
  async leftAfter(patience: number): Promise<readonly Descendant[]> {
    const { descendants } = this.#guarded
    const deadline = now() + patience
    let empty = 0
    for (const delay of backoff(50)) {
      const isLate = now() >= deadline || this.#isForced
      const { members: blamed, isInExec, isUncertain } = await this.#blamed()
      const isDoubtful = isInExec || (isUncertain && !isLate)
      empty = blamed.length > 0 || isDoubtful ? 0 : empty + 1
      if (empty >= descendants.emptyRounds || (blamed.length === 0 && isLate && !isInExec)) return []
      if (blamed.length > 0 && isLate) return blamed
      if (empty === 0) await sleep(Math.max(1, Math.min(delay, deadline - now())))
    }
    return []
  }

  /** Reports the processes, and leaves them alive. */
  leaveAlone(found: readonly Descendant[]): void {
    for (const each of found) {
      this.#note(each, 'left alone')
      guardian().exempt(each)
    }
  }

  /** Ends the command early: SIGTERM to it and to what it has started in its group, then waits `grace` ms. */
  async terminateGroup(grace: number): Promise<void> {
    const { members: all } = await this.#blamed()
    for (const each of all) this.#note(each, 'ended with it')
    const inGroup = all.filter(({ group }) => group === this.#group)
    for (const each of inGroup) this.#ask(each)
    const deadline = now() + grace
    while (now() < deadline && !this.#isForced) {
      const { members } = await this.#blamed()
      if (!members.some(({ group }) => group === this.#group)) return
      await sleep(10)
    }
  }

  #ask(each: Descendant): void {
    this.#noteAsked(each)
    askToEnd(each)
  }

  #noteAsked(each: Descendant): void {
    this.#asked.add(keyOf(each))
    this.#note(each, 'SIGTERM')
  }

  /** SIGTERM to each process that was not sent it yet, `grace` ms, SIGKILL, until nothing is alive or can be ended. */
  async end(grace: number): Promise<void> {
    const { descendants } = this.#guarded
    const before = new Set(this.#asked)
    const graceEnd = now() + grace
    const isOver = (each: Descendant): boolean => now() >= graceEnd || this.#isForced || before.has(keyOf(each))
    await climb<Descendant>({
      find: async () => {
        const { members, isInExec } = await this.#blamed()
        this.#noteGone(members)
        return { members, isDoubtful: isInExec }
      },
      emptyRounds: descendants.emptyRounds,
      isOver,
      asked: (each) => this.#noteAsked(each),
      killed: (each, outcome) => this.#note(each, outcomeOfKill(outcome)),
      deadline: () => graceEnd + sweepTimeout,
    })
  }
}
