import type { Containment } from '../containment/containment.js'
import { signalTrees } from '../containment/containment.js'
import { ContainmentError } from '../base/errors.js'
import { after, backoff, now, sleep } from '../base/clock.js'
import { firstRows } from '../base/table.js'
import { untilGone } from '../containment/ladder.js'
import { table } from '../system/process-table/current.js'
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

// How one command is ended, and its tree proven dead: by the test, by its own timeout, by teardown.

/** Milliseconds within which everything must be dead after SIGKILL. */
export const killTimeout = 4000

/** Who ended a command. */
export type Ending = 'itself' | 'test' | 'timeout' | 'teardown'

/** The longest that what left the group gets between SIGTERM and SIGKILL once `grace` is over, in ms. */
const leftGrace = 200

const isInGroup = ({ group, tree }: Member): boolean => group === tree.identity.pid

/** Those outside of the group whose parents, and their parents, lead back into it. */
function withLivingParents(members: readonly Member[]): Member[] {
  const led = new Set(members.filter(isInGroup).map(({ pid }) => pid))
  for (let before = -1; before !== led.size;) {
    before = led.size
    for (const { pid, ppid } of members) if (led.has(ppid)) led.add(pid)
  }
  return members.filter((member) => led.has(member.pid) && !isInGroup(member))
}

/** Whether a tree's leader is another user's by now: nobody waits for its exit then. */
const isOutOfReach = (tree: Tree): boolean =>
  isLeaderHidden(tree) && signalHeldGroup(tree.identity.pid, 'SIGKILL') === 'forbidden'

/** What is to be ended. */
export interface Endable {
  readonly command: string
  readonly ownTree: Tree | undefined
  readonly signalLog: SignalLog
  /** Whether its process has exited, the output's rest apart. */
  readonly hasExited: boolean
  /** Whether its exit, and the output up to it, are known. */
  readonly isSettled: boolean
  readonly settled: Promise<void>
  /** Whether nobody can write to its output any more. */
  readonly isOutputClosed: boolean
  /** Has what is alive of it write its coverage, where it has any. */
  readonly writeCoverage: (() => Promise<void>) | undefined
}

/** The error for orphans that are left and may belong to this command or to another one. */
export function doubtAbout(command: string, orphans: readonly ProcessInfo[]): ContainmentError | undefined {
  if (orphans.length === 0) return undefined
  const lines = orphans.map((each) => `  ${each.pid} ${each.command}${isHidden(each) ? `: ${hiddenReason}` : ''}`)
  return new ContainmentError(
    `${command} cannot be proven dead: what follows may be its own or another command’s, nothing tells, and it was not signalled.\n${lines.join('\n')}`,
  )
}

/** The endings of one command: several may be asked for, at once or one after the other. */
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
  /** When the grace of the ending that runs is over, and what says that it has become shorter. */
  #graceEnd = Infinity
  /** The shortest grace that was asked for, in ms. */
  #grace = Infinity
  /** What still had its parent when SIGKILL came to that. */
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

  /** What our own SIGKILL made an orphan of: its leader was ending it, and `grace` was over. */
  get orphaned(): readonly Member[] {
    return this.#orphaned
  }

  /** Notes who ends it. */
  attribute(by: Ending): void {
    this.#endedBy = by
  }

  /** Ends the whole tree, once. A call that comes while it is being ended can only shorten the grace. */
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
    // Without it the signal goes out in the turn of the call.
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
    if (!isOutOfReach(tree)) await this.settledWithin(killTimeout)
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

  /** Another proctor's guardian that was killed could not remove its workspaces. */
  lookForGuardian(killed: readonly Member[]): void {
    const { ownTree: tree } = this.#process
    this.#hasHadGuardian ||= killed.some(
      // A guardian leads a session. Some were killed before their command line could be read: they may be one.
      (member) =>
        member.tree === tree &&
        member.session === member.pid &&
        member.pid !== tree?.identity.pid &&
        (member.command.includes('guardian.sh') || member.command.startsWith('[')),
    )
  }

  /** Where /proc hides the processes of others (hidepid), a leader that has become another user's cannot be looked at. */
  proveExited(): void {
    if (this.#process.isSettled) return
    throw new ContainmentError(
      `${this.#process.command} cannot be proven dead: it has not exited, and ${hiddenReason}.`,
    )
  }

  /** Without a complete list of descendants, an open output is the trace of one that was not found. */
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

  /** Its whole tree was proven dead, or has never been. */
  markTreeDead(): void {
    this.#isTreeDead = true
    // Its number may be a stranger's from here on.
    if (this.#process.ownTree !== undefined) this.#process.ownTree.groupIsGone = true
    this.#onTreeDead()
  }

  /**
   * SIGTERM to the group, then up to the end of the grace. A leader ends what left its group itself: that gets its SIGTERM
   * once the leader has gone. Returns what is still alive.
   */
  async #askToEnd(tree: Tree): Promise<readonly Member[]> {
    const look = async (): Promise<readonly Member[]> => (await this.#containment.look([tree])).members
    signalTrees([tree], (await look()).filter(isInGroup), 'SIGTERM')
    for (let left = this.#graceEnd - now(); left > 0 && !this.#process.isSettled; left = this.#graceEnd - now()) {
      const hurried = new Promise<void>((resolve) => (this.#hurry = resolve))
      await this.settledWithin(left, hurried)
    }
    const left = (await look()).filter((member) => !isInGroup(member))
    signalTrees([], left, 'SIGTERM')
    if (left.length > 0) this.#graceEnd = Math.max(this.#graceEnd, now() + Math.min(this.#grace, leftGrace))
    return untilGone(look, () => this.#graceEnd)
  }

  /** Waits for the exit and the drain, `ms` milliseconds at most, and leaves no timer behind. */
  async settledWithin(ms: number, ...others: readonly Promise<void>[]): Promise<void> {
    let cancel = (): void => {}
    await Promise.race([
      this.#process.settled,
      ...others,
      new Promise<void>((resolve) => (cancel = after(ms, resolve))),
    ])
    cancel()
  }

  /** Whether its leader lives. */
  isLeaderAlive(): boolean {
    const { ownTree: tree, hasExited } = this.#process
    const record = tree === undefined || hasExited ? undefined : table.identify(tree.identity.pid)
    if (record === undefined) return tree !== undefined && !hasExited && isLeaderHidden(tree)
    return !isZombie(record)
  }

  /** For teardown: SIGTERM to the group, grace, SIGKILL to the group. What left the group is the leak check's. */
  async terminateGroup(grace: number): Promise<void> {
    const { ownTree: tree, settled, signalLog } = this.#process
    if (tree === undefined) return
    // Until the rest of its output is there its exit is not known, and no verdict on it.
    if (this.#process.hasExited) return settled
    if (this.#ending !== undefined) {
      this.#shortenGrace(grace)
      await this.#ending.catch(() => {})
    }
    // It has ended by itself, and the news of it is on its way.
    if (!this.isLeaderAlive()) return this.settledWithin(killTimeout)
    if (table.identify(tree.identity.pid)?.isExiting === true) {
      await Promise.race([settled, sleep(drainTime)])
      if (this.#process.isSettled) return
    }
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
    if (!isOutOfReach(tree)) await this.settledWithin(killTimeout)
  }

  /** Whether nobody is in the group any more. */
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
      // Another user's: the leak check finds them again and says so.
      () => (isForbidden ? 0 : deadline),
    )
    return left.length === 0
  }
}
