import { later, now } from '../base/clock.js'
import { type CommandState, ProctorError, type SpawnError } from '../base/errors.js'
import { withHelp } from '../base/error-text.js'
import type { Member, Tree } from '../containment/tree.js'
import { forgetTree, knowTree } from '../snapshot/normalise.js'
import { hintsFor, hintsForStart, type Progress } from './command-hints.js'
import { CommandWaits } from './command-waits.js'
import { coverageWriter } from './coverage.js'
import { drainTime, listenUntilDrained } from './drain.js'
import { ExitRecord } from './exit-record.js'
import { Input } from './input.js'
import type { CommandListener } from './listener.js'
import { OutputWaits } from './output-waits.js'
import { Output, type OutputStream } from './output.js'
import { PendingMatchers } from './pending-matchers.js'
import type { Screen } from './process.js'
import type { CommandSettings } from './settings.js'
import { SignalLog } from './signal-log.js'
import { type Ending, Endings } from './termination.js'
import type { Transport } from './transport.js'
import { type Usage, UsageMeter } from './usage.js'

/** One command: its life, and what teardown, matchers and reports need to know about it. The handles are over this. */
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
  /** Makes those of its processes that are Node write their coverage, which they do not when a signal ends them. */
  readonly writeCoverage: (() => Promise<void>) | undefined
  protected readonly outputWaits: OutputWaits
  protected readonly settings: CommandSettings
  protected readonly transport: Transport | undefined
  protected readonly input: Input
  readonly #meter: UsageMeter | undefined
  /** What its processes have used. Known once it has exited, if it was measured. */
  usage: Usage | undefined
  #settle!: () => void
  #stopTimeout: () => void = () => {}
  /** Whether the test awaited the handle itself, which is not a promise. */
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
      if (this.ownTree !== undefined) settings.onTreeDead(this.ownTree)
    })
    this.writeCoverage = coverageWriter(settings.coverage, () => this.look())
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
    if (settings.timeout !== undefined) this.#stopTimeout = later(settings.timeout, () => this.#timeOut())
  }

  #fail(error: SpawnError): void {
    withHelp(error, hintsForStart(this.settings, error.code, this.#progress()))
    this.listener?.notStarted(error)
    const isOver = this.record.advance({ type: 'failed', error })
    this.endings.markTreeDead()
    if (isOver) this.#end()
  }

  #listen(transport: Transport): void {
    listenUntilDrained(transport, {
      output: (stream, bytes) => {
        // A program that writes its last lines is about to exit, and the peak of its memory is lost with it.
        this.#meter?.lookAgain()
        this.received(stream, bytes)
        this.listener?.output(stream, bytes)
        this.waits.changed()
      },
      exited: (exit) => {
        this.usage = this.#meter?.end()
        this.record.advance({ type: 'exited', exit })
        this.listener?.exited(exit.code, exit.signal, this.usage)
        this.#stopTimeout()
      },
      drained: () => {
        if (this.record.advance({ type: 'drained' })) this.#end()
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
    // Teardown finds what survives this again, and reports it.
    this.endings.endWithin('SIGKILL', 0).catch(() => {})
  }

  // For reports and matchers. Reading these does not count as the test having seen the exit; the handle's members do.

  get isSettled(): boolean {
    return this.record.isSettled
  }
  /** Whether its process has exited. More output may still come. */
  get hasExited(): boolean {
    return this.record.hasExited
  }
  get hasTree(): boolean {
    return this.ownTree !== undefined
  }
  /** Whether what its processes use is measured. */
  get isMetered(): boolean {
    return this.#meter !== undefined
  }
  get isTreeDead(): boolean {
    return this.endings.isTreeDead
  }
  get endedBy(): Ending {
    return this.endings.endedBy
  }
  /** When it exited, in ms on our clock. */
  get exitedAt(): number | undefined {
    return this.record.exit?.at
  }
  get durationMs(): number {
    return Math.round((this.record.exit?.at ?? now()) - this.startedAt)
  }
  /** Whether no process can write to its output any more. */
  get isOutputClosed(): boolean {
    return this.transport?.isOutputClosed !== false
  }
  /** The screen of its terminal, if it has one. */
  get screen(): Screen | undefined {
    return undefined
  }

  /** What its terminal shows, if it has one: easier to read than the characters that drew it. */
  lastScreen(): string | undefined {
    return undefined
  }

  /** The state for errors and reports. The output is decoded when it is read: a report of a normal exit needs none. */
  state(): CommandState {
    const { log, record, command } = this
    const exit = record.isSettled ? record.exit : undefined
    return {
      command,
      exitCode: exit?.code ?? null,
      exitSignal: exit?.signal ?? null,
      ...(this.endedBy === 'teardown' ? { isPastTest: true } : {}),
      get output() {
        return log.text()
      },
    }
  }

  /** Hints at what a person may have overlooked. `isForExit`: the program's end was waited for in vain. */
  hints(isForExit = false): string[] {
    return hintsFor(this.settings, this.#progress(), isForExit)
  }

  #progress(): Progress {
    const hasWritten = this.log.mark().position > 0
    return { hasExited: this.hasExited, hasWritten, input: this.input.state }
  }

  /** The default timeout of waits and matchers, in ms. */
  waitTimeout(): number {
    return this.settings.waitTimeout()
  }

  /** Points the stack of an error at the test's line that started the command. */
  leadBack(error: unknown): void {
    this.settings.leadBack(error)
  }

  /** Makes a path relative to its cwd absolute. */
  resolve(path: string): string {
    return this.settings.resolve(path)
  }

  /** Returns the living processes of its tree. */
  async look(): Promise<{ readonly members: readonly Member[]; readonly isUncertain: boolean }> {
    if (this.ownTree === undefined || this.isTreeDead) return { members: [], isUncertain: false }
    return this.settings.containment.look([this.ownTree])
  }

  /** Resolves once the exit and the output up to it are known, if they are about to be. */
  async drained(): Promise<void> {
    await this.endings.settledWithin(drainTime)
    if (this.record.exit !== undefined) await this.settled
  }

  /** Closes our ends of its streams: a process that lives on and holds the others must not keep this one alive. */
  release(): void {
    if (this.ownTree !== undefined) forgetTree(this.ownTree)
    this.transport?.release()
  }

  /** The failure to start, or the exit with an error, that the test has not seen. */
  unseenFailure(ignoresExits = false): Error | undefined {
    return this.record.unseenFailure(ignoresExits || this.endedBy !== 'itself')
  }

  /** Rejects all waits. A wait that nobody awaits does not become an unhandled rejection. */
  abandonWaits(): void {
    this.#stopTimeout()
    this.matchers.abandon()
    this.waits.abandon(() => new ProctorError(`The test has ended: nothing waits for ${this.command} any more.`))
  }

  /** Throws the error of a call that needs a running program, if it does not run. */
  throwUnlessRunning(): void {
    this.record.throwUnlessStarted()
    if (this.ownTree === undefined) throw new ProctorError(`${this.command} has not started.`)
    this.record.throwOnceExited()
  }
}
