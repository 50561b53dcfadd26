import { type ChildProcess, spawn } from 'node:child_process'
import type { execa as Execa, Options } from 'execa'
import { soon } from '../../base/clock.js'
import type { SpawnError } from '../../base/errors.js'
import { childLedger, isUnwaited } from '../../containment/child-ledger.js'
import { startMarked } from '../../containment/locks-mark.js'
import { startOwn } from '../../containment/own-starts.js'
import { signalOf } from '../../system/numbers.js'
import { table } from '../../system/process-table/current.js'
import { exitStatus, standardStreams } from '../../system/process-table/linux.js'
import { type OnExit, Pipes } from '../pipes.js'
import type { Transport } from '../transport.js'
import { identify } from './identify.js'
import { programOf, type SpawnRequest } from './request.js'
import { explain } from './spawn-failure.js'
import { endsOf, type OpenPipe, openStandardPipes, type StandardPipes } from './standard-pipes.js'

// Starts programs with Node's own means, where posix_spawn(3) is unavailable: in worker threads, on macOS, without
// system calls. The only importer of execa, which is imported late because its import is slow.

let execa: typeof Execa | undefined
let isTried = false

/**
 * Imports execa, once. If the test environment lacks what execa needs (jsdom has no TextEncoder), Node's spawn is used.
 */
export async function preparePortableStart(): Promise<void> {
  if (isTried) return
  isTried = true
  execa = await import('execa').then(
    (module) => module.execa,
    () => undefined,
  )
}

interface Started {
  /** The child, if Node has made one. */
  readonly child: ChildProcess | undefined
  /** Rejects or resolves with the reason if the program could not be started. */
  readonly refusal: Promise<unknown>
}

/** Starts a program. Keeps the child that Node made, even if something throws after that. */
function begin(request: SpawnRequest, stdio: (number | 'pipe')[]): Started {
  let child: ChildProcess | undefined
  let refuse!: (error: unknown) => void
  const refusal = new Promise<unknown>((resolve) => (refuse = resolve))
  const stopHearing = childLedger().open((started) => {
    child ??= started
    child.once('error', refuse)
  })
  try {
    const started = startOwn(() => (execa === undefined ? spawnPlainly(request, stdio) : spawnByExeca(request, stdio)))
    child ??= started as ChildProcess
    // execa returns a promise. We do not wait for it, and it must not become an unhandled rejection.
    if (child.pid === undefined) Promise.resolve(started as unknown).then(refuse, refuse)
    else if (started instanceof Promise) started.catch(() => {})
  } catch (error) {
    // When no file descriptors are left, Node gives execa a child without streams. The child's own error comes a moment
    // later and says why.
    soon(() => refuse(error))
  } finally {
    stopHearing()
  }
  return { child, refusal }
}

function spawnByExeca({ command, args, cwd, env, shell }: SpawnRequest, stdio: (number | 'pipe')[]): unknown {
  return execa!(command, [...args], {
    buffer: false,
    cleanup: false,
    cwd,
    detached: true,
    encoding: 'buffer',
    env,
    extendEnv: false,
    reject: false,
    shell,
    // Any number of streams is allowed; the types only know the first three.
    stdio: stdio as unknown as Options['stdio'],
    stripFinalNewline: false,
  } as Options)
}

function spawnPlainly(request: SpawnRequest, stdio: (number | 'pipe')[]): unknown {
  const { file, args } = programOf(request)
  const { cwd, env } = request
  const child = spawn(file, args, { cwd, env, detached: true, stdio })
  // Without a listener the event would be thrown.
  child.on('error', () => {})
  return child
}

/**
 * Starts a program as the leader of its own session and group. If no pipe can be made for a standard stream, Node makes
 * a socket pair.
 *
 * @returns the running program, or a promise of the reason why it could not be started.
 */
export function startPortably(request: SpawnRequest, openPipe: OpenPipe): Transport | Promise<SpawnError> {
  let pipes: StandardPipes
  try {
    pipes = openStandardPipes(openPipe)
  } catch (error) {
    return Promise.resolve(explain(error, request))
  }
  const stdio = pipes.theirs.map((end) => end ?? 'pipe')
  const { child, refusal } = startMarked(
    request.locks,
    () => begin(request, stdio),
    (started) => started.child?.pid,
  )
  pipes.handOver()
  if (child?.pid === undefined) {
    pipes.release()
    return refusal.then((error) => explain(error, request))
  }
  // A running command does not keep the worker alive.
  child.unref()
  const isHeld = (): boolean => isUnwaited(child)
  const identity = identify(child.pid, isHeld)
  const ends = endsOf(pipes, child)
  if (identity instanceof Error) {
    for (const end of Object.values(ends)) end.close()
    return Promise.resolve(explain(identity, request))
  }
  const own = table.name === 'linux' ? standardStreams(child.pid).filter((name) => name.startsWith('socket:')) : []
  const nameless = namelessDeath(child.pid, isHeld, ends)
  const onExit = (callback: OnExit): void =>
    void child.once('exit', (code, signal) => {
      const unnamed = code === 0 ? nameless() : undefined
      callback(unnamed === undefined ? code : null, unnamed ?? signal)
    })
  return new Pipes({ identity, streams: new Set([...pipes.names, ...own]), ...ends, isHeld, onExit })
}

/** Above this number, signals have no name in Node. */
const lastNamed = 31

/**
 * Node reports a death by a real-time signal as exit code 0. The kernel closes the files of a program before it reports
 * the exit, and libuv reads from pipes before it waits. So at the end of an output that no other process holds open,
 * the real status can still be read.
 */
function namelessDeath(
  pid: number,
  isHeld: () => boolean,
  { stdout, stderr }: Pick<StandardPipes, 'stdout' | 'stderr'>,
): () => NodeJS.Signals | undefined {
  let number = 0
  const look = (): void => {
    try {
      if (isHeld()) number = (exitStatus(pid) ?? 0) & 0x7f
    } catch {
      // There are no more descriptors.
    }
  }
  stdout?.onEnd(look)
  stderr?.onEnd(look)
  return () => (number > lastNamed ? signalOf(number) : undefined)
}
