import type { Containment } from '../containment/containment.js'
import { callSite, type CommandState, ProctorError, type SpawnError, WaitTimeoutError } from '../base/errors.js'
import { after, now } from '../base/clock.js'
import { groupMembers, type ProcessGroup, signalOwnGroup } from '../containment/process-group.js'
import { signalProcess } from '../system/signals.js'
import type { Member, Tree } from '../containment/tree.js'
import { drainTime, type Ending, Endings } from './termination.js'
import { ExitRecord } from './exit-record.js'
import { errorOfExit, errorOnceExited } from './exits.js'
import type { CommandListener } from './listener.js'
import {
  checkOptions,
  checkSignal,
  graceRules,
  outputWaitRules,
  show,
  snapshotRules,
  waitRules,
} from '../base/check.js'
import { Output, type OutputMark, type OutputStream } from './output.js'
import type { HttpAnswer, HttpWaitOptions } from '../readiness/http.js'
import { lookFor, type OutputPattern } from '../wait/pattern.js'
import type { WaitOptions } from '../wait/options.js'
import type { Exit, OutputWaitOptions, Process, Screen } from './process.js'
import { type ReadinessHost, type TimeoutDetails, waitForHttp, waitForPort } from '../readiness/wait-for-http.js'
import { type SentSignal, SignalLog } from './signal-log.js'
import { forgetTree, knowTree, type SnapshotOptions, snapshotOf } from '../snapshot/normalise.js'
import type { Transport } from './transport.js'
import { type Attempt, Waits } from '../wait/waits.js'

/** Milliseconds between two looks of a predicate that may depend on more than the output. */
const predicateInterval = 50
/** Milliseconds between two looks for who listens. */
const portInterval = 20

export interface ProcessSettings {
  readonly command: string
  readonly cwd: string
  /** Bytes of each stream. */
  readonly maxOutput: number
  /** ms, the default of `terminate`. */
  readonly grace: number
  /** ms, the default of every wait, asked for when it begins. */
  readonly waitTimeout: () => number
  /** ms after which the tree is killed. */
  readonly timeout: number | undefined
  readonly input: string | Uint8Array | undefined
  readonly containment: Containment
  /** An absolute path from one relative to the cwd; refuses to leave the workspace. */
  readonly resolve: (path: string) => string
  /** Makes an error lead to the line that started it. */
  readonly leadBack: (error: unknown) => void
  /** Called once the whole tree is proven dead. */
  readonly onTreeDead: (process: CommandProcess) => void
  readonly listener?: CommandListener | undefined
}

interface WaitDetails {
  /** ms between looks that nothing but time calls for. */
  readonly interval?: number | undefined
  readonly explain?: () => TimeoutDetails
  /** What a trace calls the wait. */
  readonly what?: string
}

/** A pattern as it stands in a call, short. */
export const showPattern = (pattern: string | RegExp | ((subject: never) => unknown)): string =>
  typeof pattern === 'function' ? '…' : typeof pattern === 'string' ? show(pattern) : String(pattern)

/** What a call throws, it rejects with. */
export function rejecting<Value>(call: () => Promise<Value>): Promise<Value> {
  try {
    return call()
  } catch (error) {
    return Promise.reject(error as Error)
  }
}

export class CommandProcess implements Process {
  readonly command: string
  readonly cwd: string
  readonly tree: Tree | undefined
  readonly log: Output
  readonly signalLog = new SignalLog((sent, to) => this.#settings.listener?.signal(sent, to))
  readonly startedAt = now()
  /** The matchers that look at it now: one that still does when the test has ended was not awaited. */
  readonly lookingMatchers = new Map<symbol, string>()
  /** The test has ended: what still looks then was not awaited, and says nothing of its own any more. */
  areMatchersAbandoned = false
  readonly endings: Endings
  readonly #settings: ProcessSettings
  readonly #transport: Transport | undefined
  readonly #waits = new Waits()
  readonly #record: ExitRecord
  /** Somebody awaited the handle itself, which is no promise and tells nothing: see below the class. */
  isAwaited = false
  /** Somebody asked for what a wait is: they know that the handle is none. */
  isWaitedFor = false
  #inputEnded = false
  readonly settled: Promise<void>
  #settle!: () => void
  #stopTimeout: () => void = () => {}

  constructor(settings: ProcessSettings, started: { transport: Transport; tree: Tree } | Promise<SpawnError>) {
    this.#settings = settings
    this.command = settings.command
    this.cwd = settings.cwd
    this.log = new Output(settings.maxOutput)
    this.#record = new ExitRecord(this, settings.timeout)
    this.settled = new Promise((resolve) => {
      this.#settle = resolve
    })
    this.endings = new Endings(this, settings.containment, () => {
      settings.listener?.treeDead()
      settings.onTreeDead(this)
    })
    if (started instanceof Promise) {
      void started.then((error) => {
        this.#record.spawnError = error
        settings.listener?.notStarted(error)
        this.endings.markTreeDead()
        this.#finish()
      })
      return
    }
    this.tree = started.tree
    knowTree(this.tree)
    this.#transport = started.transport
    settings.listener?.started(started.tree)
    this.#listen(this.#transport)
    if (settings.input !== undefined) {
      settings.listener?.input(settings.input)
      this.#inputEnded = !this.#transport.inputStaysOpen
      this.#transport.endInput(settings.input)
    }
    if (settings.timeout !== undefined) this.#stopTimeout = after(settings.timeout, () => this.#timeOut())
  }

  #listen(transport: Transport): void {
    let isEnded = false
    transport.listen({
      output: (stream, bytes) => {
        this.received(stream, bytes)
        this.#settings.listener?.output(stream, bytes)
        this.#waits.changed()
      },
      outputEnded: () => {
        isEnded = true
        if (this.#record.exit !== undefined) this.#finish()
      },
      exited: (code, signal) => {
        this.#record.exit = { code, signal, at: now() }
        this.#settings.listener?.exited(code, signal)
        this.#stopTimeout()
        if (isEnded) this.#finish()
        else after(drainTime, () => this.#finish())
      },
    })
  }

  protected received(stream: OutputStream, bytes: Buffer): void {
    this.log.append(stream, bytes)
  }

  #finish(): void {
    if (this.#record.isSettled) return
    this.#record.isSettled = true
    this.#settle()
    this.#waits.stepAll()
  }

  #timeOut(): void {
    if (this.#record.exit !== undefined) return
    this.#record.isTimedOut = true
    this.endings.attribute('timeout')
    // A survivor is found again at teardown, which says so.
    this.endings.endWithin('SIGKILL', 0).catch(() => {})
  }

  // What reports and matchers read, without that a read counts as the test's own.

  /** What matchers know it by, whichever copy of this package made it. */
  get isProctorProcess(): true {
    return true
  }
  get isSettled(): boolean {
    return this.#record.isSettled
  }
  /** Whether its process has exited, the output's rest apart. */
  get hasExited(): boolean {
    return this.#record.exit !== undefined || this.#record.spawnError !== undefined
  }
  get isTreeDead(): boolean {
    return this.endings.isTreeDead
  }
  /** The signals that it was sent, in order. */
  get signals(): readonly NodeJS.Signals[] {
    return this.signalLog.names
  }
  get sentSignals(): readonly SentSignal[] {
    return this.signalLog.sent
  }
  get endedBy(): Ending {
    return this.endings.endedBy
  }
  get isEscalated(): boolean {
    return this.endings.isEscalated
  }
  /** Milliseconds on our clock at which it exited. */
  get exitedAt(): number | undefined {
    return this.#record.exit?.at
  }
  get durationMs(): number {
    return Math.round((this.#record.exit?.at ?? now()) - this.startedAt)
  }
  get spawnError(): SpawnError | undefined {
    return this.#record.spawnError
  }

  /** The state as it is, for errors and reports. */
  state(): CommandState {
    const { log } = this
    // Decoded when it is read: of an exit as it should be nobody reads it.
    return {
      command: this.command,
      exitCode: this.#record.isSettled ? (this.#record.exit?.code ?? null) : null,
      exitSignal: this.#record.isSettled ? (this.#record.exit?.signal ?? null) : null,
      get output() {
        return log.text()
      },
    }
  }

  /** What a terminal shows, which says more than the characters that drew it. */
  lastScreen(): string | undefined {
    return undefined
  }

  /** ms, the default of waits and matchers. */
  waitTimeout(): number {
    return this.#settings.waitTimeout()
  }

  /** Makes an error lead to the line that started it. */
  leadBack(error: unknown): void {
    this.#settings.leadBack(error)
  }

  /** An absolute path from one relative to its cwd. */
  resolve(path: string): string {
    return this.#settings.resolve(path)
  }

  /** What is on its terminal, where it has one. */
  get screen(): Screen | undefined {
    return undefined
  }

  /** What is alive of its tree. */
  async livingMembers(): Promise<readonly Member[]> {
    if (this.tree === undefined || this.isTreeDead) return []
    return (await this.#settings.containment.look([this.tree])).members
  }

  /** Whether nobody can write to its output any more. */
  get isOutputClosed(): boolean {
    return this.#transport?.isOutputClosed !== false
  }

  isLeaderAlive(): boolean {
    return this.endings.isLeaderAlive()
  }

  /** Lets go of its streams: a process that may live on, and holds them, must not keep this one alive. */
  release(): void {
    if (this.tree !== undefined) forgetTree(this.tree)
    this.#transport?.release()
  }

  /** What the test never looked at and must hear of: a failure to start, or an exit with an error. */
  unseenFailure(ignoresExits = false): Error | undefined {
    return this.#record.unseenFailure(ignoresExits || this.endedBy !== 'itself')
  }

  /** A wait that teardown ends rejects, and is no unhandled rejection where nobody awaits it. */
  abandonWaits(): void {
    this.#stopTimeout()
    this.areMatchersAbandoned = true
    this.#waits.abandon(new ProctorError(`The test has ended: nothing waits for ${this.command} any more.`))
  }

  // The public face.

  get pid(): number | undefined {
    return this.#record.isSettled ? undefined : this.tree?.leader.pid
  }

  get running(): boolean {
    return this.tree !== undefined && !this.#record.isSettled
  }

  get exitCode(): number | null {
    return this.#record.read()?.code ?? null
  }

  get exitSignal(): NodeJS.Signals | null {
    return this.#record.read()?.signal ?? null
  }

  get output(): string {
    return this.log.text()
  }

  get stdout(): string {
    return this.log.text('stdout')
  }

  get stderr(): string {
    return this.log.text('stderr')
  }

  get group(): ProcessGroup {
    const tree = this.tree
    if (tree === undefined) throw this.#record.seenSpawnError() ?? new ProctorError(`${this.command} has not started.`)
    const { containment } = this.#settings
    return {
      id: tree.leader.pid,
      signal: (signal) => {
        checkSignal('group.signal', signal)
        this.#record.isSignalled = true
        this.signalLog.add(signal, 'test', 'group')
        const outcome = signalOwnGroup(tree, signal)
        if (outcome === 'forbidden')
          throw new ProctorError(`No permission to signal the group of ${this.command} (EPERM).`)
        if (outcome === 'gone') this.#record.throwOnceExited()
      },
      members: () => groupMembers(tree, containment),
      isEmpty: async () => (await groupMembers(tree, containment)).length === 0,
    }
  }

  mark(): OutputMark {
    return this.log.mark()
  }

  waitForOutput(pattern: RegExp, options?: OutputWaitOptions): Promise<RegExpExecArray>
  waitForOutput(
    pattern: string | ((output: string) => boolean | Promise<boolean>),
    options?: OutputWaitOptions,
  ): Promise<string>
  waitForOutput(pattern: OutputPattern, options: OutputWaitOptions = {}): Promise<RegExpExecArray | string> {
    return rejecting(() => {
      checkOptions('waitForOutput', options, outputWaitRules)
      if (typeof pattern !== 'string' && typeof pattern !== 'function' && !(pattern instanceof RegExp)) {
        throw new TypeError(
          `waitForOutput: the pattern is a string, a regular expression or a function of the output, not ${show(pattern)}.`,
        )
      }
      const text = (): string => this.log.text(options.stream ?? 'output', options.since)
      const look = lookFor(pattern, text, this.lastScreen() !== undefined)
      const what = `waitForOutput(${showPattern(pattern)})`
      return this.waitFor(look, options.timeout, typeof pattern === 'function', what)
    })
  }

  /** Waits until a look at what the program wrote finds something. A predicate may look at more than that. */
  protected waitFor<Value>(
    look: Attempt<Value>,
    timeout: number | undefined,
    isPredicate: boolean,
    what: string,
  ): Promise<Value> {
    // As it was at the call: what another wait has heard of since is news to this one.
    const isKnownToHaveExited = this.#record.knowledge === 'exited, seen'
    const attempt: Attempt<Value> = () => {
      if (isKnownToHaveExited && this.#record.isTimedOut) throw this.#record.seenTimeoutError()
      if (isKnownToHaveExited) this.#record.throwOnceExited()
      const isSettled = this.#record.isSettled
      const found = look()
      if (!(found instanceof Promise)) return this.#record.judge(found, isSettled)
      return found.then((value) => this.#record.judge(value, isSettled))
    }
    return this.#wait(attempt, timeout, { interval: isPredicate ? predicateInterval : undefined, what })
  }

  /** What the waits for ports ask of it. */
  #readiness(what: string): ReadinessHost {
    return {
      command: this.command,
      cwd: this.cwd,
      members: async () => {
        if (this.tree === undefined || this.isTreeDead) return { pids: [], isUncertain: false }
        const { members, isUncertain } = await this.#settings.containment.look([this.tree])
        return { pids: members.map(({ pid }) => pid), isUncertain }
      },
      hasSettled: () => this.#record.isSettled,
      whatIfGone: () => {
        const isKnown = this.#record.knowledge === 'exited, seen'
        return () =>
          isKnown && !this.#record.isTimedOut
            ? errorOnceExited('exited, seen', this.state())!
            : this.#record.endOfWait()
      },
      excuseExit: () => {
        this.#record.isExitRead = true
      },
      wait: (attempt, { timeout }, explain) => this.#wait(attempt, timeout, { interval: portInterval, explain, what }),
    }
  }

  waitForExit(options: WaitOptions = {}): Promise<Exit> {
    return rejecting(() => {
      checkOptions('waitForExit', options, waitRules)
      const attempt = (): { value: Exit } | undefined =>
        this.#record.isSettled ? { value: this.#record.seenExit() } : undefined
      return this.#wait(attempt, options.timeout, { what: 'waitForExit()' })
    })
  }

  waitForSuccessfulExit(options: WaitOptions = {}): Promise<Exit> {
    return rejecting(() => {
      checkOptions('waitForSuccessfulExit', options, waitRules)
      const attempt: Attempt<Exit> = () => {
        if (!this.#record.isSettled) return undefined
        const value = this.#record.seenExit()
        const error = errorOfExit(this.state())
        if (error !== undefined) throw error
        return { value }
      }
      return this.#wait(attempt, options.timeout, { what: 'waitForSuccessfulExit()' })
    })
  }

  snapshot(options?: SnapshotOptions): string {
    checkOptions('snapshot', options, snapshotRules)
    const { stdout, stderr, exitCode, exitSignal } = this
    const screen = this.lastScreen()
    const output = screen === undefined ? { stdout, stderr } : { stdout: screen, stderr: '' }
    return snapshotOf({ ...output, exitCode, exitSignal }, options)
  }

  waitForPort(port?: number, options?: WaitOptions): Promise<number>
  waitForPort(path: string, options?: WaitOptions): Promise<string>
  waitForPort(place?: number | string, options: WaitOptions = {}): Promise<number | string> {
    return rejecting(() => waitForPort(this.#readiness(`waitForPort(${place ?? ''})`), place, options))
  }

  waitForHttp(url: string | URL, options: HttpWaitOptions = {}): Promise<HttpAnswer> {
    return rejecting(() => waitForHttp(this.#readiness(`waitForHttp(${String(url)})`), url, options))
  }

  // Not async: the promise that it returns is the wait's own, which teardown marks as handled.
  write(text: string | Uint8Array): Promise<void> {
    return rejecting(() => {
      if (typeof text !== 'string' && !(text instanceof Uint8Array)) {
        throw new TypeError(`write: text is a string or bytes, not ${text === null ? 'null' : typeof text}.`)
      }
      return this.#feed('write', (transport, done) => {
        this.#settings.listener?.input(text)
        transport.write(text, done)
      })
    })
  }

  endInput(): Promise<void> {
    return rejecting(() => {
      this.throwUnlessRunning()
      if (this.#inputEnded) return Promise.resolve()
      return this.#feed('endInput', (transport, done) => {
        this.#inputEnded = !transport.inputStaysOpen
        transport.endInput(undefined, done)
      })
    })
  }

  #feed(verb: string, action: (transport: Transport, done: (error?: Error | null) => void) => void): Promise<void> {
    this.throwUnlessRunning()
    const transport = this.#transport
    if (transport === undefined || this.#inputEnded) {
      throw new ProctorError(
        `Cannot ${verb} to ${this.command}: its standard input was closed, by endInput() or the option input.`,
      )
    }
    let outcome: { readonly error: Error | undefined } | undefined
    action(transport, (error) => {
      outcome = { error: error ?? undefined }
      this.#waits.changed()
    })
    return this.#wait(async () => {
      if (outcome === undefined) {
        if (this.#record.isSettled) throw this.#record.endOfWait()
        return undefined
      }
      if (outcome.error === undefined) return { value: undefined }
      // EPIPE comes before the news of the exit: which of the two it is shows within the drain.
      await this.endings.settledWithin(drainTime)
      if (this.#record.exit !== undefined) await this.settled
      if (this.#record.isSettled) throw this.#record.endOfWait()
      const { code, message } = outcome.error as NodeJS.ErrnoException
      throw new ProctorError(
        `Cannot ${verb} to ${this.command}: it has closed its standard input (${code ?? message}).`,
        { cause: outcome.error },
      )
    }, undefined)
  }

  /** The test has sent a signal by a way of its own: what comes of it was to be expected. */
  protected noteSignalled(): void {
    this.#record.isSignalled = true
  }

  signal(signal: NodeJS.Signals): void {
    checkSignal('signal', signal)
    this.throwUnlessRunning()
    this.#record.isSignalled = true
    this.signalLog.add(signal, 'test', 'leader')
    // Its exit is on its way when its number is gone: ESRCH is no failure.
    if (this.#record.exit === undefined && signalProcess(this.tree!.leader, signal) === 'forbidden') {
      throw new ProctorError(`No permission to signal ${this.command} (EPERM): it runs as another user.`)
    }
  }

  async terminate(options: { grace?: number } = {}): Promise<Exit> {
    checkOptions('terminate', options, graceRules)
    return this.#endForTest('SIGTERM', options.grace ?? this.#settings.grace)
  }

  async kill(...given: readonly unknown[]): Promise<Exit> {
    if (given.length > 0) {
      throw new TypeError(
        `kill takes nothing, and sends SIGKILL: for ${show(given[0])} there are terminate() and signal().`,
      )
    }
    return this.#endForTest('SIGKILL', 0)
  }

  async #endForTest(signal: 'SIGTERM' | 'SIGKILL', grace: number): Promise<Exit> {
    const leadBack = callSite()
    const onEnd = this.#settings.listener?.waits(signal === 'SIGKILL' ? 'kill()' : 'terminate()')
    try {
      const exit = await this.#endAndJudge(signal, grace)
      onEnd?.()
      return exit
    } catch (error) {
      leadBack(error)
      onEnd?.(error)
      throw error
    }
  }

  async #endAndJudge(signal: 'SIGTERM' | 'SIGKILL', grace: number): Promise<Exit> {
    if (this.tree === undefined) await this.settled
    if (this.#record.spawnError !== undefined) throw this.#record.seenSpawnError()!
    // Its process is gone, and only the rest of its output is awaited: it is exiting by itself.
    if (this.#record.exit !== undefined) await this.settled
    const before = this.#record.knowledge
    const isJoining = this.endings.isUnderWay
    if (before === 'running' && !isJoining) this.endings.attribute('test')
    await this.endings.endWithin(signal, grace)
    await this.settled
    // A zombie that nobody had heard of when SIGKILL came: it died on its own.
    const diedAlone =
      signal === 'SIGKILL' && !isJoining && !this.#record.isSignalled && this.#record.exit?.signal !== 'SIGKILL'
    if (before === 'running' && !diedAlone) return this.#record.seenExit()
    const error = errorOnceExited(before === 'running' ? 'exited, not seen' : before, this.state())
    this.#record.isSeen = true
    throw error!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.tree === undefined || this.isTreeDead) return
    if (this.#record.exit === undefined && this.endedBy === 'itself') this.endings.attribute('test')
    await this.endings.endWithin('SIGTERM', this.#settings.grace)
  }

  /** What a matcher that needs a started program throws instead of waiting for one. */
  throwUnlessStarted(): void {
    if (this.#record.spawnError !== undefined) throw this.#record.seenSpawnError()!
  }

  /** The exit as `toHaveExitedWith` reports it, or undefined while it runs. */
  lookAtExit(): { readonly exitCode: number | null; readonly exitSignal: NodeJS.Signals | null } | undefined {
    this.throwUnlessStarted()
    return this.#record.lookAtExit()
  }

  /** Throws the exit's error once it has exited, seen or not. */
  protected throwUnlessRunning(): void {
    if (this.#record.spawnError !== undefined) throw this.#record.seenSpawnError()!
    if (this.tree === undefined) throw new ProctorError(`${this.command} has not started.`)
    this.#record.throwOnceExited()
  }

  #wait<Value>(
    attempt: Attempt<Value>,
    timeout: number | undefined,
    { interval, explain, what }: WaitDetails = {},
  ): Promise<Value> {
    this.isWaitedFor = true
    const limit = timeout ?? this.#settings.waitTimeout()
    const attemptIfStarted: Attempt<Value> = () => {
      if (this.#record.spawnError !== undefined) throw this.#record.seenSpawnError()!
      return attempt()
    }
    const onTimeout = (): Error => new WaitTimeoutError(this.state(), limit, explain?.())
    const onEnd = what === undefined ? undefined : this.#settings.listener?.waits(what)
    return this.#waits.add(attemptIfStarted, { timeout: limit, onTimeout, interval, onEnd })
  }
}

// No promise: whoever writes `await run(…)` gets the handle at once, and a hint when that goes wrong.
// oxlint-disable-next-line unicorn/no-thenable -- it gives undefined: a look at it is all that is wanted.
Object.defineProperty(CommandProcess.prototype, 'then', {
  get(this: CommandProcess) {
    this.isAwaited = true
    return undefined
  },
})
