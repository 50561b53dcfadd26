import type { ChildProcess } from 'node:child_process'
import { after, keepingAlive, now } from '../base/clock.js'
import { assertContainment, type Guarded, watchDescendants } from '../guard/watch.js'
import { table } from '../system/process-table/current.js'
import type { ProcessRecord } from '../system/process-table/table.js'
import { signalProcess } from '../system/signals.js'
import { inheritedDescriptors } from './descriptors.js'
import { exactWords } from './exact-words.js'
import type { RunReport } from './findings.js'
import { RunDescendants } from './run-descendants.js'
import { SignalRelay } from './relay.js'
import { commandLineOf, type RunRequest } from './request.js'
import { startCommand } from './start.js'

// Runs one command in this process's own session, group and terminal, and ends everything that the command started.

interface CommandExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The command could not be started. */
export class StartError extends Error {
  readonly code: string | undefined

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause })
    this.code = cause.code
  }
}

/** Hears of the run's progress. */
export interface RunListener {
  started?(pid: number): void
  exited?(code: number | null, signal: NodeJS.Signals | null): void
  /** What a look has found alive of it. */
  found?(members: readonly ProcessRecord[]): void
}

/** ms between SIGTERM and SIGKILL for what outlived the command. */
const leakGrace = 200

function exitOf(child: ChildProcess): Promise<CommandExit> {
  const exit = new Promise<CommandExit>((resolve, reject) => {
    child.once('error', (error) => reject(new StartError(error)))
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  return keepingAlive(exit)
}

/** Resolves with the reason if the command must be ended early. */
function endOfPatience(timeout: number | undefined): {
  readonly reason: Promise<'timeout' | 'force'>
  force(): void
  cancel(): void
} {
  const { promise, resolve } = withResolvers<'timeout' | 'force'>()
  const cancel = timeout === undefined ? () => {} : after(timeout, () => resolve('timeout'))
  return { reason: promise, force: () => resolve('force'), cancel }
}

function withResolvers<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve!: (value: Value) => void
  const promise = new Promise<Value>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

/**
 * Runs a command to its end, and ends what it left.
 *
 * @throws {StartError} if it could not be started; {ContainmentError} for `strict` where it is unavailable.
 */
export async function supervise(request: RunRequest, listener: RunListener = {}): Promise<RunReport> {
  const stdio = inheritedDescriptors()
  assertContainment(request.containment)
  const guarded = watchDescendants(
    () => request.containment,
    () => {},
  )
  const patience = endOfPatience(request.timeout)
  let [child, descendants]: [ChildProcess | undefined, RunDescendants | undefined] = [undefined, undefined]
  const relay = new SignalRelay({
    pass: (signal) => passOn(child, signal),
    force: () => {
      descendants?.force()
      patience.force()
    },
  })
  relay.open()
  try {
    const begin = now()
    child = startCommand(exactWords(request), stdio)
    const exit = exitOf(child)
    child.once('exit', (code, signal) => listener.exited?.(code, signal))
    if (child.pid === undefined) await exit
    descendants = new RunDescendants(guarded, child.pid!, request.allow, (members) => listener.found?.(members))
    listener.started?.(child.pid!)
    relay.watchGroup()
    descendants.watch()
    const first = await Promise.race([exit, patience.reason])
    patience.cancel()
    if (first === 'timeout') await descendants.terminateGroup(request.grace)
    if (typeof first === 'string') await descendants.end(first === 'force' ? 0 : leakGrace)
    const { code, signal } = await exit
    const durationMs = Math.round(now() - begin)
    await endLeft(descendants, request)
    return {
      command: commandLineOf(request),
      exitCode: code,
      exitSignal: signal,
      durationMs,
      endedBy: typeof first === 'string' ? first : 'itself',
      containment: guarded.descendants.level,
      left: descendants.left,
      allowed: descendants.allowed,
      alive: descendants.alive,
    }
  } finally {
    close(guarded, relay, descendants)
  }
}

async function endLeft(descendants: RunDescendants, request: RunRequest): Promise<void> {
  const left = await descendants.leftAfter(request.leakTimeout)
  if (left.length === 0) return
  if (request.leaks === 'report') descendants.leaveAlone(left)
  else await descendants.end(Math.min(request.grace, leakGrace))
}

function passOn(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const identity = table.identify(child.pid)
  if (identity !== undefined) signalProcess(identity, signal)
}

function close(guarded: Guarded, relay: SignalRelay, descendants: RunDescendants | undefined): void {
  relay.close()
  descendants?.unwatch()
  guarded.release()
}
