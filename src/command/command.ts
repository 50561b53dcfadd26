import { after, now, soon } from '../base/clock.js'
import { type CommandState, ProctorError, type SpawnError, withHelp } from '../base/errors.js'
import type { Containment } from '../containment/containment.js'
import type { Member, Tree } from '../containment/tree.js'
import { forgetTree, knowTree } from '../snapshot/normalise.js'
import { askForCoverage } from './coverage.js'
import { CommandWaits } from './command-waits.js'
import { ExitRecord } from './exit-record.js'
import { Input } from './input.js'
import { backslashHint, openInputHint, projectPathHint, startHint } from './hints.js'
import { currentFolder } from './launch/search-path.js'
import type { CommandListener } from './listener.js'
import { OutputWaits } from './output-waits.js'
import { Output, type OutputStream } from './output.js'
import { PendingMatchers } from './pending-matchers.js'
import type { Screen } from './process.js'
import { type SentSignal, SignalLog } from './signal-log.js'
import { drainTime, type Ending, Endings } from './termination.js'
import type { Transport } from './transport.js'
import { type Usage, UsageMeter } from './usage.js'

export interface CommandSettings {
  readonly command: string
  /** The command and its arguments, or of a shell's line its words. */
  readonly words: readonly string[]
  /** Whether it runs in the workspace itself. */
  readonly isInWorkspace: boolean
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
  /** Whether to look at what its processes use. */
  readonly usage: boolean
  /** Where it writes its coverage, if it does. */
  readonly coverage: string | undefined
  readonly containment: Containment
  /** An absolute path from one relative to the cwd; refuses to leave the workspace. */
  readonly resolve: (path: string) => string
  /** Makes an error lead to the line that started it. */
  readonly leadBack: (error: unknown) => void
  /** Called once the whole tree is proven dead. */
  readonly onTreeDead: (command: Command) => void
  readonly listener?: CommandListener | undefined
}

/** One command: its life, and what teardown, matchers and reports ask of it. */
export class Command {
  readonly command: string
  readonly cwd: string
  readonly ownTree: Tree | undefined
  readonly listener: CommandListener | undefined
  readonly log: Output
  readonly signalLog = new SignalLog((sent, to) => this.listener?.signal(sent, to))
  readonly startedAt = now()
  readonly matchers = new PendingMatchers((what) => this.listener?.calls(what, 'expect'))
  readonly record: ExitRecord
  readonly waits: CommandWaits
  readonly endings: Endings
  readonly settled: Promise<void>
  protected readonly outputWaits: OutputWaits
  protected readonly settings: CommandSettings
  protected readonly transport: Transport | undefined
  protected readonly input: Input
  readonly #meter: UsageMeter | undefined
  /** What its processes have used, once it has exited and where somebody has looked. */
  usage: Usage | undefined
  #settle!: () => void
  #stopTimeout: () => void = () => {}
  /** The test awaited the handle itself, which is no promise. */
  isAwaited = false

  constructor(settings: CommandSettings, started: { transport: Transport; tree: Tree } | Promise<SpawnError>) {
    this.settings = settings
    this.command = settings.command
    this.cwd = settings.cwd
    this.listener = settings.listener
    this.log = new Output(settings.maxOutput)
    this.record = new ExitRecord(this, settings.timeout)
    this.waits = new CommandWaits(this, this.record)
    this.outputWaits = new OutputWaits(this.log, this.record, this.waits)
    this.settled = new Promise((resolve) => (this.#settle = resolve))
    this.endings = new Endings(this, settings.containment, () => {
      this.listener?.treeDead()
      settings.onTreeDead(this)
    })
    this.transport = started instanceof Promise ? undefined : started.transport
    this.input = new Input(this, this.transport)
    if (started instanceof Promise) {
      void started.then((error) => this.#fail(error))
      return
    }
    this.ownTree = started.tree
    knowTree(this.ownTree)
    this.record.advance({ type: 'started' })
    this.listener?.started(started.tree)
    if (settings.usage) this.#meter = UsageMeter.begin(started.tree)
    this.#listen(started.transport)
    if (settings.input !== undefined) this.input.writeAtStart(settings.input)
    if (settings.timeout !== undefined) this.#stopTimeout = after(settings.timeout, () => this.#timeOut())
  }

  #fail(error: SpawnError): void {
    const start = startHint(this.settings.words, error.code)
    withHelp(error, [...(start === undefined ? [] : [start]), ...this.hints()])
    this.listener?.notStarted(error)
    const isOver = this.record.advance({ type: 'failed', error })
    this.endings.markTreeDead()
    if (isOver) this.#end()
  }

  #listen(transport: Transport): void {
    let isOutputEnded = false
    const drained = (): void => {
      if (this.record.advance({ type: 'drained' })) this.#end()
    }
    transport.listen({
      output: (stream, bytes) => {
        // A program that writes its last lines is about to exit, and its peak goes with it.
        this.#meter?.lookAgain()
        this.received(stream, bytes)
        this.listener?.output(stream, bytes)
        this.waits.changed()
      },
      outputEnded: () => {
        isOutputEnded = true
        drained()
      },
      exited: (code, signal) => {
        this.usage = this.#meter?.end()
        this.record.advance({ type: 'exited', exit: { code, signal, at: now() } })
        this.listener?.exited(code, signal, this.usage)
        this.#stopTimeout()
        if (isOutputEnded) drained()
        // Timers come before what is there to be read is: with hundreds of exits at once they would cut it off.
        else after(drainTime, () => soon(drained))
      },
    })
  }

  protected received(stream: OutputStream, bytes: Buffer): void {
    this.log.append(stream, bytes)
  }

  #end(): void {
    this.#settle()
    this.waits.stepAll()
  }

  #timeOut(): void {
    if (this.record.exit !== undefined) return
    this.record.noteTimedOut()
    this.endings.attribute('timeout')
    // A survivor is found again at teardown, which says so.
    this.endings.endWithin('SIGKILL', 0).catch(() => {})
  }

  // What reports and matchers read. Unlike the members of the handle, none of these counts as a look of the test's.

  get isSettled(): boolean {
    return this.record.isSettled
  }
  /** Whether its process has exited, the output's rest apart. */
  get hasExited(): boolean {
    return this.record.hasExited
  }
  get hasTree(): boolean {
    return this.ownTree !== undefined
  }
  /** Whether somebody looks, or has looked, at what its processes use. */
  get isMetered(): boolean {
    return this.#meter !== undefined
  }
  get isTreeDead(): boolean {
    return this.endings.isTreeDead
  }
  /** The signals that it was sent, in order. */
  get sentSignals(): readonly SentSignal[] {
    return this.signalLog.sent
  }
  get endedBy(): Ending {
    return this.endings.endedBy
  }
  /** ms on our clock at which it exited. */
  get exitedAt(): number | undefined {
    return this.record.exit?.at
  }
  get durationMs(): number {
    return Math.round((this.record.exit?.at ?? now()) - this.startedAt)
  }
  /** Whether nobody can write to its output any more. */
  get isOutputClosed(): boolean {
    return this.transport?.isOutputClosed !== false
  }
  /** What is on its terminal, where it has one. */
  get screen(): Screen | undefined {
    return undefined
  }

  /** What a terminal shows, which says more than the characters that drew it. */
  lastScreen(): string | undefined {
    return undefined
  }

  /** The state as it is, for errors and reports. */
  state(): CommandState {
    const { log, record, command } = this
    const exit = record.isSettled ? record.exit : undefined
    // Decoded when it is read: of an exit as it should be nobody reads it.
    return {
      command,
      exitCode: exit?.code ?? null,
      exitSignal: exit?.signal ?? null,
      get output() {
        return log.text()
      },
    }
  }

  /** What a person may have overlooked, of a command that did not do what was expected. */
  hints(isForExit = false): string[] {
    const { words, cwd, isInWorkspace } = this.settings
    const started = { words, cwd, isInWorkspace }
    const path = backslashHint(started) ?? projectPathHint(started, currentFolder())
    // A server reads no input: of what has written something it is said only when its end was waited for.
    const isReader = !this.hasExited && this.input.isUntouched && (isForExit || this.log.mark().position === 0)
    return [...(path === undefined ? [] : [path]), ...(isReader ? [openInputHint] : [])]
  }

  /** ms, the default of waits and matchers. */
  waitTimeout(): number {
    return this.settings.waitTimeout()
  }

  /** Makes an error lead to the line that started it. */
  leadBack(error: unknown): void {
    this.settings.leadBack(error)
  }

  /** An absolute path from one relative to its cwd. */
  resolve(path: string): string {
    return this.settings.resolve(path)
  }

  /** What is alive of its tree. */
  async look(): Promise<{ readonly members: readonly Member[]; readonly isUncertain: boolean }> {
    if (this.ownTree === undefined || this.isTreeDead) return { members: [], isUncertain: false }
    return this.settings.containment.look([this.ownTree])
  }

  /** Has what is alive of it write its coverage, where it has any: Node does not when a signal ends it. */
  get writeCoverage(): (() => Promise<void>) | undefined {
    const { coverage } = this.settings
    return coverage === undefined ? undefined : () => this.#writeCoverage(coverage)
  }

  async #writeCoverage(coverage: string): Promise<void> {
    const { members } = await this.look()
    await askForCoverage(
      coverage,
      members.map(({ pid }) => pid),
    )
  }

  /** Resolves once the exit and the output up to it are known, if they are about to be. */
  async drained(): Promise<void> {
    await this.endings.settledWithin(drainTime)
    if (this.record.exit !== undefined) await this.settled
  }

  /** Lets go of its streams: a process that may live on, and holds them, must not keep this one alive. */
  release(): void {
    if (this.ownTree !== undefined) forgetTree(this.ownTree)
    this.transport?.release()
  }

  /** What the test never looked at and must hear of: a failure to start, or an exit with an error. */
  unseenFailure(ignoresExits = false): Error | undefined {
    return this.record.unseenFailure(ignoresExits || this.endedBy !== 'itself')
  }

  /** A wait that teardown ends rejects, and is no unhandled rejection where nobody awaits it. */
  abandonWaits(): void {
    this.#stopTimeout()
    this.matchers.abandon()
    this.waits.abandon(() => new ProctorError(`The test has ended: nothing waits for ${this.command} any more.`))
  }

  /** Throws the exit's error once it has exited, seen or not. */
  throwUnlessRunning(): void {
    this.record.throwUnlessStarted()
    if (this.ownTree === undefined) throw new ProctorError(`${this.command} has not started.`)
    this.record.throwOnceExited()
  }
}
