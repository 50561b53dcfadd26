import type { Containment } from '../containment/containment.js'
import { signalTrees } from '../containment/containment.js'
import { ContainmentError } from '../base/errors.js'
import { backoff, now, sleep, timeLimit } from '../base/clock.js'
import { firstRows } from '../base/table.js'
import { killTimeout, untilGone } from '../containment/ladder.js'
import { pidsWithBelow } from '../system/forest.js'
import { table } from '../system/process-table/current.js'
import { isExitingWhole } from '../system/process-table/exiting.js'
import { isZombie } from '../system/process-table/table.js'
import { signalHeldGroup, signalProcess } from '../system/signals.js'
import {
  hiddenReason,
  isHidden,
  isLeaderHidden,
  type Member,
  type ProcessInfo,
  type Tree,
} from '../containment/tree.js'
import { drainTime } from './drain.js'
import type { Sender, SignalLog, SignalTarget } from './signal-log.js'

// How one command is ended and its tree proven dead: by the test, by its `timeout`, or by teardown.

/** Who ended a command. */
export type Ending = 'itself' | 'test' | 'timeout' | 'teardown'

/** The longest time (ms) that processes outside of the group get between SIGTERM and SIGKILL, once `grace` is over. */
const leftGrace = 200

const isInGroup = ({ group, tree }: Member): boolean => group === tree.identity.pid

/** The members outside of the group whose chain of parents leads into it. */
function withLivingParents(members: readonly Member[]): Member[] {
  const led = pidsWithBelow(members, isInGroup)
  return members.filter((member) => led.has(member.pid) && !isInGroup(member))
}

/** Sends SIGKILL to the group of a leader that /proc hides. Where that is refused, its exit is not waited for. */
const isKillRefused = (tree: Tree): boolean =>
  isLeaderHidden(tree) && signalHeldGroup(tree.identity.pid, 'SIGKILL') === 'forbidden'

/** The command to end. */
export interface Endable {
  readonly command: string
  readonly ownTree: Tree | undefined
  readonly signalLog: SignalLog
  /** Whether its process has exited. More output may still come. */
  readonly hasExited: boolean
  /** Whether its exit, and the output up to it, are known. */
  readonly isSettled: boolean
  readonly settled: Promise<void>
  /** Whether no process can write to its output any more. */
  readonly isOutputClosed: boolean
  /** Makes its living processes write their coverage, if they collect any. */
  readonly writeCoverage: (() => Promise<void>) | undefined
}

/** The error for orphans that may belong to this command or to another one. */
export function doubtAbout(command: string, orphans: readonly ProcessInfo[]): ContainmentError | undefined {
  if (orphans.length === 0) return undefined
  const lines = orphans.map((each) => `  ${each.pid} ${each.command}${isHidden(each) ? `: ${hiddenReason}` : ''}`)
  return new ContainmentError(
    `${command} cannot be proven dead: what follows may be its own or another command’s, nothing tells, and it was not signalled.\n${lines.join('\n')}`,
  )
}

/** The endings of one command. Several may be asked for, at once or one after the other. */
export class Endings {
  readonly #process: Endable
  readonly #containment: Containment
  readonly #onTreeDead: () => void
  #endedBy: Ending = 'itself'
  #isEscalated = false
  #isTreeDead = false
  /** Whether another proctor ran in its tree and was killed with it. */
  #hasHadGuardian = false
  #ending: Promise<void> | undefined
  /** When the grace of the running ending is over. `#hurry` wakes that ending when the grace gets shorter. */
  #graceEnd = Infinity
  /** The shortest grace that was asked for, in ms. */
  #grace = Infinity
  /** The members whose parents were still alive when those got SIGKILL. */
  #orphaned: readonly Member[] = []
  #hurry: () => void = () => {}

  constructor(process: Endable, containment: Containment, onTreeDead: () => void) {
    this.#process = process
    this.#containment = containment
    this.#onTreeDead = onTreeDead
  }

  get endedBy(): Ending {
    return this.#endedBy
  }
  get isEscalated(): boolean {
    return this.#isEscalated
  }
  get isTreeDead(): boolean {
    return this.#isTreeDead
  }
  get hasHadGuardian(): boolean {
    return this.#hasHadGuardian
  }
  /** Whether it is being ended now. */
  get isUnderWay(): boolean {
    return this.#ending !== undefined
  }

  /** The processes that our own SIGKILL orphaned: the leader was still ending them when `grace` was over. */
  get orphaned(): readonly Member[] {
    return this.#orphaned
  }

  /** Records who ends it. */
  attribute(by: Ending): void {
    this.#endedBy = by
  }

  /** Ends the whole tree, once. A further call while it is being ended can only shorten the grace. */
  endWithin(signal: 'SIGTERM' | 'SIGKILL', grace: number): Promise<void> {
    this.#shortenGrace(grace)
    return (this.#ending ??= this.#end(signal).finally(() => {
      this.#ending = undefined
      this.#graceEnd = Infinity
      this.#grace = Infinity
    }))
  }

  #shortenGrace(grace: number): void {
    this.#grace = Math.min(this.#grace, grace)
    this.#graceEnd = Math.min(this.#graceEnd, now() + grace)
    this.#hurry()
  }

  /** Ends the whole tree and proves it dead. */
  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const { command } = this.#process
    const tree = this.#process.ownTree!
    if (this.#isTreeDead) return
    // Without coverage, the signal is sent in the turn of the call.
    const { writeCoverage } = this.#process
    if (writeCoverage !== undefined) await writeCoverage()
    const sender: Sender = this.#endedBy === 'timeout' ? 'timeout' : 'test'
    this.#note(signal, sender, 'tree')
    if (signal === 'SIGTERM' && (await this.#askToEnd(tree)).length > 0) {
      this.#isEscalated = true
      this.#note('SIGKILL', sender, 'tree')
    }
    const { survivors, killed, unattributed } = await this.#containment.kill([tree], killTimeout)
    this.lookForGuardian(killed)
    if (survivors.length > 0) {
      const lines = survivors.map((survivor) => `  ${survivor.pid} ${survivor.command}: ${survivor.reason}`)
      throw new ContainmentError(`${command} could not be ended:\n${firstRows(lines).join('\n')}`)
    }
    if (!isKillRefused(tree)) await this.settledWithin(killTimeout)
    this.proveExited()
    await this.proveClosed()
    const doubt = doubtAbout(command, unattributed)
    if (doubt !== undefined) throw doubt
    this.markTreeDead()
  }

  #note(signal: NodeJS.Signals, by: Sender, to: SignalTarget): void {
    const { hasExited, signalLog } = this.#process
    if (hasExited) signalLog.addToRest(signal, by, to)
    else signalLog.add(signal, by, to)
  }

  /** Looks whether another proctor's guardian was killed, which then could not remove its workspaces. */
  lookForGuardian(killed: readonly Member[]): void {
    const { ownTree: tree } = this.#process
    this.#hasHadGuardian ||= killed.some(
      // A guardian leads a session. Some processes are killed before their command line can be read, and may have been
      // one.
      (member) =>
        member.tree === tree &&
        member.session === member.pid &&
        member.pid !== tree?.identity.pid &&
        (member.command.includes('guardian.sh') || member.command.startsWith('[')),
    )
  }

  /** If /proc hides other users' processes (hidepid), a leader that has changed its user cannot be seen. */
  proveExited(): void {
    if (this.#process.isSettled) return
    throw new ContainmentError(
      `${this.#process.command} cannot be proven dead: it has not exited, and ${hiddenReason}.`,
    )
  }

  /** Where the list of descendants is not complete, an open output shows that one of them was not found. */
  async proveClosed(): Promise<void> {
    if (this.#containment.level === 'strict') return
    for (const delay of backoff(50)) {
      if (this.#process.isOutputClosed) return
      if (delay === 50) break
      await sleep(delay)
    }
    throw new ContainmentError(
      `${this.#process.command} cannot be proven dead: every process found is, and yet somebody holds its output open (containment: basic).`,
    )
  }

  /** The whole tree was proven dead, or never started. */
  markTreeDead(): void {
    this.#isTreeDead = true
    // From here on its number may belong to a stranger.
    if (this.#process.ownTree !== undefined) this.#process.ownTree.groupIsGone = true
    this.#onTreeDead()
  }

  /**
   * Sends SIGTERM to the group and waits until the grace is over. A leader normally ends what has left its group, so
   * those processes get SIGTERM only once the leader has gone. Returns what is still alive.
   */
  async #askToEnd(tree: Tree): Promise<readonly Member[]> {
    const look = async (): Promise<readonly Member[]> => (await this.#containment.look([tree])).members
    signalTrees([tree], (await look()).filter(isInGroup), 'SIGTERM')
    for (let left = this.#graceEnd - now(); left > 0 && !this.#process.isSettled; left = this.#graceEnd - now()) {
      const hurried = new Promise<void>((resolve) => (this.#hurry = resolve))
      await this.settledWithin(left, hurried)
      this.#hurry()
    }
    const left = (await look()).filter((member) => !isInGroup(member))
    signalTrees([], left, 'SIGTERM')
    if (left.length > 0) this.#graceEnd = Math.max(this.#graceEnd, now() + Math.min(this.#grace, leftGrace))
    return untilGone(look, () => this.#graceEnd)
  }

  /** Waits up to `ms` milliseconds for the exit and the drain. Leaves no timer behind. */
  async settledWithin(ms: number, ...others: readonly Promise<void>[]): Promise<void> {
    const limit = timeLimit(ms)
    await Promise.race([this.#process.settled, ...others, limit.over])
    limit.end()
  }

  /** What a single look says of its leader. `'is exiting'`: it is not yet dead, but its main thread is about to be, or is. */
  #leader(): 'lives' | 'is exiting' | 'has exited' {
    const { ownTree: tree, hasExited } = this.#process
    if (tree === undefined || hasExited) return 'has exited'
    const record = table.identify(tree.identity.pid)
    if (record === undefined) return isLeaderHidden(tree) ? 'lives' : 'has exited'
    if (isZombie(record)) return 'has exited'
    return record.isExiting === true ? 'is exiting' : 'lives'
  }

  /** Whether its leader lives. */
  isLeaderAlive(): boolean {
    return this.#leader() !== 'has exited'
  }

  /**
   * For teardown: SIGTERM to the group, grace, SIGKILL to the group. Processes outside of the group are left to the
   * leak check.
   */
  async terminateGroup(grace: number): Promise<void> {
    const { ownTree: tree, settled, signalLog } = this.#process
    if (tree === undefined) return
    // Its exit, and so the verdict on it, is not known before the rest of its output is there.
    if (this.#process.hasExited) return settled
    if (this.#ending !== undefined) {
      this.#shortenGrace(grace)
      await this.#ending.catch(() => {})
    }
    await this.#endOfExit(tree)
    // It has exited by itself, and the news of that may be on its way.
    if (this.#leader() === 'has exited') return this.settledWithin(killTimeout)
    if (this.#endedBy === 'itself') this.#endedBy = 'teardown'
    const deadline = now() + grace
    const inGroup = async (): Promise<readonly Member[]> =>
      (await this.#containment.look([tree])).members.filter(isInGroup)
    signalLog.add('SIGTERM', 'teardown', 'group')
    signalTrees([tree], await inGroup(), 'SIGTERM')
    await this.settledWithin(grace)
    const left = await untilGone(inGroup, () => deadline)
    const isLeft = left.length > 0 || isLeaderHidden(tree)
    if (isLeft && !(await this.#killGroup(tree, inGroup))) return
    if (!isKillRefused(tree)) await this.settledWithin(killTimeout)
  }

  /**
   * Waits for the end of an exit that has begun: the program is about to be dead by itself. Some go on without their main
   * thread, and are not waited for any longer.
   */
  async #endOfExit({ identity: { pid } }: Tree): Promise<void> {
    for (let left = killTimeout; this.#leader() === 'is exiting' && left > 0; left -= drainTime) {
      await this.settledWithin(drainTime)
      if (!isExitingWhole(pid)) return
    }
  }

  /** Kills the group. Returns whether it is empty. */
  async #killGroup(tree: Tree, inGroup: () => Promise<readonly Member[]>): Promise<boolean> {
    this.#note('SIGKILL', 'teardown', 'group')
    this.#orphaned = withLivingParents((await this.#containment.look([tree])).members)
    this.#isEscalated = true
    const deadline = now() + killTimeout
    let isForbidden = false
    const left = await untilGone(
      async () => {
        const members = await inGroup()
        signalTrees([tree], members, 'SIGKILL')
        isForbidden = members.length > 0 && members.every((each) => signalProcess(each, 'SIGKILL') === 'forbidden')
        return members
      },
      // These run as another user. The leak check finds them again and reports them.
      () => (isForbidden ? 0 : deadline),
    )
    return left.length === 0
  }
}
