import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, now, sleep, turn } from '../base/clock.js'
import { startUnmarked } from '../containment/locks-mark.js'
import { startOwn } from '../containment/own-starts.js'

// The command is in our own process group, so a terminal's Ctrl-C, `timeout` and a script's `kill 0` reach it without
// us. If we passed such a signal on, the command would get it twice. But a signal to our pid alone reaches nobody else.
// Node does not distinguish the two. A canary does: a shell in our group that waits for the end of a pipe, and dies of
// what the group gets.

/** Signals that end a process which does nothing about them. */
const fatal = ['HUP', 'INT', 'QUIT', 'TERM', 'USR1', 'USR2', 'ALRM']
/** Signals that do nothing to such a process. */
const harmless = ['WINCH', 'CONT', 'URG']
const isHarmless = (signal: NodeJS.Signals): boolean => harmless.includes(signal.slice(3))
const relayed = [...fatal, ...harmless].map((name) => `SIG${name}` as NodeJS.Signals)

/** Whoever sends one of these twice wants the end, whatever the command does about it. */
const ending: ReadonlySet<NodeJS.Signals> = new Set(['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'])

/** ms after which a signal to the group has reached all of it. The kernel goes from one member to the next. */
const groupTime = 10
/** ms that the canary gets to run its trap. If it takes longer, the command gets such a signal twice. */
const trapTime = 50
/** ms within which the same event may arrive again: npm passes on the Ctrl-C that its group has also got. */
const echoTime = 250
/**
 * ms within which the group may get what our pid alone has got, as the same event: timeout(1) signals its child first
 * and then the group, and a busy machine may not let it run in between.
 */
const splitTime = 1000

/** The canary's exit code after a signal that does not end a process by itself. */
const struck = 3
const canaryScript = `ulimit -c 0; trap 'exit ${struck}' ${harmless.join(' ')}; read line`

/** Starts a shell in our group, which exits when we do. It writes no core file. */
function startCanary(): ChildProcess {
  const begin = (): ChildProcess =>
    spawn('/bin/sh', ['-c', canaryScript], { cwd: '/', env: {}, stdio: ['pipe', 'ignore', 'ignore'] })
  const canary = startUnmarked(() => startOwn(begin))
  canary.on('error', () => {})
  // If no descriptors are left, Node returns a child without streams, and without a handle to unref.
  if (canary.pid === undefined) return canary
  canary.unref()
  const stdin = canary.stdin as NodeJS.WritableStream & { unref?: () => void }
  stdin.unref?.()
  stdin.on('error', () => {})
  return canary
}

/** Whether it has got a signal, even if that is still pending. */
function isStruck({ pid, exitCode, signalCode }: ChildProcess, signal: NodeJS.Signals): boolean {
  if (pid === undefined) return false
  if (exitCode !== null) return exitCode === struck && isHarmless(signal)
  if (signalCode !== null) return signalCode === signal
  if (process.platform !== 'linux') return false
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return /^State:\s+[ZX]/m.test(status) || /^(?:SigPnd|ShdPnd):\s*0*[1-9a-f]/m.test(status)
  } catch {
    return true
  }
}

export interface RelayTarget {
  /** Sends the command a signal that it has not got. */
  pass(signal: NodeJS.Signals): void
  /** Called when somebody wants the end for the second time. */
  force(): void
}

/** Passes signals on to the command while it is open. */
export class SignalRelay {
  readonly #target: RelayTarget
  readonly #listeners = new Map<NodeJS.Signals, () => void>()
  #canary: ChildProcess | undefined
  /** Whether a signal that is heard now may be older than the canary. Nothing tells then whether the group got it. */
  #isBlind = true
  /** Until when (on our clock) copies of a signal to the group may arrive. */
  readonly #echoesUntil = new Map<NodeJS.Signals, number>()
  /** Until when (on our clock) the group may get what our pid alone has got. */
  readonly #splitUntil = new Map<NodeJS.Signals, number>()
  #wishes = 0
  #isClosed = false

  constructor(target: RelayTarget) {
    this.#target = target
    for (const signal of relayed) this.#listeners.set(signal, () => void this.#hear(signal))
  }

  open(): void {
    for (const [signal, listener] of this.#listeners) process.on(signal, listener)
  }

  /** Called once the command runs, so that it does not wait for the canary. */
  watchGroup(): void {
    this.#isBlind = true
    this.#canary = startCanary()
    // Node calls the listeners for what has arrived when it has polled, which the first of two turns may not do.
    void turn()
      .then(turn)
      .then(() => (this.#isBlind = false))
  }

  /**
   * Called when the command has ended. From then on, signals do nothing: without its listeners, this process would die of
   * one more Ctrl-C before it has said what it found.
   */
  close(): void {
    this.#isClosed = true
    const canary = this.#canary
    this.#canary = undefined
    canary?.stdin?.destroy()
  }

  #isEcho(signal: NodeJS.Signals): boolean {
    return now() < (this.#echoesUntil.get(signal) ?? 0)
  }

  async #hear(signal: NodeJS.Signals): Promise<void> {
    if (this.#isClosed || this.#isEcho(signal)) return
    const isBlind = this.#isBlind
    const isSplit = now() < (this.#splitUntil.get(signal) ?? 0)
    const canary = this.#canary
    await sleep(isHarmless(signal) ? trapTime : groupTime)
    if (this.#isEcho(signal)) return
    if (canary !== undefined && isStruck(canary, signal)) {
      this.#echoesUntil.set(signal, now() + echoTime)
      // The next canary only starts when all copies of this signal have arrived.
      after(echoTime, () => {
        if (this.#canary === canary) this.watchGroup()
      })
      this.#splitUntil.delete(signal)
      if (isSplit) return
    } else {
      if (isBlind) this.#echoesUntil.set(signal, now() + echoTime)
      this.#splitUntil.set(signal, now() + splitTime)
      this.#target.pass(signal)
    }
    if (!ending.has(signal)) return
    this.#wishes += 1
    if (this.#wishes > 1) this.#target.force()
  }
}
