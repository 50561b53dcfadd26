import { graceRules } from './rules.js'
import { checkOptions, checkSignal } from '../base/check.js'
import { show } from '../base/words.js'
import { ProctorError } from '../base/errors.js'
import type { ProcessGroup } from '../containment/process-group.js'
import type { ProcessInfo } from '../containment/tree.js'
import type { HttpAnswer, HttpWaitOptions } from '../readiness/http.js'
import { waitForHttp, waitForPort } from '../readiness/wait-for-http.js'
import { type SnapshotOptions, snapshotOf, snapshotRules } from '../snapshot/normalise.js'
import { signalProcess } from '../system/signals.js'
import type { WaitOptions } from '../wait/options.js'
import type { OutputPattern } from '../wait/pattern.js'
import { rejecting } from './command-waits.js'
import { Command } from './command.js'
import { groupOf, membersOf } from './group.js'
import type { OutputMark } from './output.js'
import type { Exit, OutputWaitOptions, Process } from './process.js'
import { readinessHost } from './readiness-host.js'
import { endForTest } from './test-ending.js'

/** A command with the calls that a test makes. The test gets its handle. */
export class CommandProcess extends Command implements Process {
  get pid(): number | undefined {
    return this.isSettled ? undefined : this.ownTree?.identity.pid
  }
  get running(): boolean {
    return this.ownTree !== undefined && !this.isSettled
  }
  get exitCode(): number | null {
    return this.record.read()?.code ?? null
  }
  get exitSignal(): NodeJS.Signals | null {
    return this.record.read()?.signal ?? null
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
    return groupOf(this, this.settings.containment)
  }

  tree(): Promise<ProcessInfo[]> {
    return membersOf(this)
  }

  mark(): OutputMark {
    return this.log.mark()
  }

  snapshot(options?: SnapshotOptions): string {
    checkOptions('snapshot', options, snapshotRules)
    const { stdout, stderr, exitCode, exitSignal } = this
    const screen = this.lastScreen()
    const output = screen === undefined ? { stdout, stderr } : { stdout: screen, stderr: '' }
    return snapshotOf({ ...output, exitCode, exitSignal }, options)
  }

  waitForOutput(pattern: RegExp, options?: OutputWaitOptions): Promise<RegExpExecArray>
  waitForOutput(
    pattern: string | ((output: string) => boolean | Promise<boolean>),
    options?: OutputWaitOptions,
  ): Promise<string>
  waitForOutput(pattern: OutputPattern, options: OutputWaitOptions = {}): Promise<RegExpExecArray | string> {
    return this.outputWaits.forOutput(pattern, options, this.lastScreen() !== undefined)
  }

  waitForPort(port?: number, options?: WaitOptions): Promise<number>
  waitForPort(path: string, options?: WaitOptions): Promise<string>
  waitForPort(place?: number | string, options: WaitOptions = {}): Promise<number | string> {
    return rejecting(() => waitForPort(readinessHost(this, `waitForPort(${String(place ?? '')})`), place, options))
  }

  waitForHttp(url: string | URL, options: HttpWaitOptions = {}): Promise<HttpAnswer> {
    return rejecting(() => waitForHttp(readinessHost(this, `waitForHttp(${String(url)})`), url, options))
  }

  waitForExit(options: WaitOptions = {}): Promise<Exit> {
    return this.waits.forExit(options)
  }

  waitForSuccessfulExit(options: WaitOptions = {}): Promise<Exit> {
    return this.waits.forSuccessfulExit(options)
  }

  write(text: string | Uint8Array): Promise<void> {
    return this.input.write(text)
  }

  endInput(): Promise<void> {
    return this.input.end()
  }

  signal(signal: NodeJS.Signals): void {
    checkSignal('signal', signal)
    this.throwUnlessRunning()
    this.record.noteSignalled()
    this.listener?.calls(`signal('${signal}')`, 'signal')()
    this.signalLog.add(signal, 'test', 'leader')
    // ESRCH is no failure: the process has gone, and the news of its exit is on its way.
    if (this.record.exit === undefined && signalProcess(this.ownTree!.identity, signal) === 'forbidden') {
      throw new ProctorError(`No permission to signal ${this.command} (EPERM): it runs as another user.`)
    }
  }

  terminate(options: { grace?: number } = {}): Promise<Exit> {
    return rejecting(() => {
      checkOptions('terminate', options, graceRules)
      return this.matchers.asked(endForTest(this, 'SIGTERM', options.grace ?? this.settings.grace))
    })
  }

  kill(...given: readonly unknown[]): Promise<Exit> {
    return rejecting(() => {
      if (given.length > 0) {
        throw new TypeError(
          `kill takes nothing, and sends SIGKILL: for ${show(given[0])} there are terminate() and signal().`,
        )
      }
      return this.matchers.asked(endForTest(this, 'SIGKILL', 0))
    })
  }

  loseParent(): Promise<void> {
    return rejecting(() => {
      this.throwUnlessRunning()
      if (this.transport?.loseParent === undefined) {
        throw new ProctorError(
          `loseParent: ${this.command} has no parent of its own. It gets one by run(…, { parent: 'throw-away' }).`,
        )
      }
      this.record.noteSignalled()
      this.listener?.calls('loseParent()', 'signal')()
      return this.transport.loseParent()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ownTree === undefined || this.isTreeDead) return
    if (this.record.exit === undefined && this.endedBy === 'itself') this.endings.attribute('test')
    await this.endings.endWithin('SIGTERM', this.settings.grace)
  }
}

/**
 * A handle is not a promise. `await run(…)` returns it at once, and whoever wrote that gets a hint if the test fails.
 */
export function noteAwaited(command: Command | undefined): undefined {
  if (command !== undefined) command.isAwaited = true
}

// oxlint-disable-next-line unicorn/no-thenable -- it gives undefined: a look at it is all that is wanted.
Object.defineProperty(CommandProcess.prototype, 'then', {
  get(this: CommandProcess) {
    return noteAwaited(this)
  },
})
