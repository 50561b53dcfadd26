import { holderOf, isRunning } from '../../system/process-table/holder.js'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readSync, writeSync } from 'node:fs'
import { every, turn } from '../../base/clock.js'
import type { SpawnError } from '../../base/errors.js'
import { startMarked, takeLocksMark } from '../../containment/locks-mark.js'
import { hasMark } from '../../containment/marks.js'
import { startOwn } from '../../containment/own-starts.js'
import { awaitChild } from '../../system/own-children.js'
import { entriesOf, type Pipe, type PosixSpawn } from '../../system/posix-spawn.js'
import { table } from '../../system/process-table/current.js'
import type { ProcessIdentity } from '../../system/process-table/table.js'
import { signalProcess } from '../../system/signals.js'
import { type OnExit, Pipes, type StartedProgram } from '../pipes.js'
import type { Transport } from '../transport.js'
import { identify } from './identify.js'
import { programOf, type SpawnRequest } from './request.js'
import { explain } from './spawn-failure.js'
import { endsOf, type OpenPipe, openStandardPipes, type StandardPipes } from './standard-pipes.js'

// Runs a program below its own parent, which can be SIGKILLed alone. The parent plays the client of a server, for
// example. The pipes belong to this process, and the program inherits them through the parent, which relays nothing and
// so loses nothing. When the parent is killed, we close our ends, as the kernel would have closed the parent's.

/**
 * The parent. It starts the program and reports its pid. Before it waits for the program it waits for our answer: until
 * then the pid cannot be reused. It ends with the program, or with this process.
 */
const parentScript = `
const fs = require('node:fs'), { spawn } = require('node:child_process'), { Socket } = require('node:net')
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {})
const tell = (what) => fs.writeSync(4, JSON.stringify(what) + '\\n')
const read = (text = '', piece = Buffer.alloc(65536)) => {
  const length = text.endsWith('\\n') ? 0 : fs.readSync(3, piece)
  return length === 0 ? text : read(text + piece.latin1Slice(0, length))
}
const refuse = ({ code, message }) => (tell({ code, message }), process.exit())
try {
  const { file, args, cwd, env } = JSON.parse(Buffer.from(read(), 'latin1'))
  const child = spawn(file, args, { cwd, env, detached: true, stdio: 'inherit' })
  child.once('error', refuse)
  child.once('exit', (code, signal) => (tell({ exit: { code, signal } }), process.exit()))
  if (child.pid !== undefined) {
    tell({ pid: child.pid })
    if (read() === '') process.exit()
    for (const stream of [0, 1, 2]) fs.closeSync(stream), fs.openSync('/dev/null', 'r+')
    new Socket({ fd: 3 }).on('close', () => process.exit()).resume()
    process.title = 'throw-away parent'
  }
} catch (error) {
  refuse(error)
}`

/** ms between two looks at a program that has lost its parent, if nobody reports its exit. */
const orphanInterval = table.name === 'linux' ? 20 : 200

interface Report {
  readonly pid?: number
  readonly exit?: { readonly code: number | null; readonly signal: NodeJS.Signals | null }
  readonly code?: string
  readonly message?: string
}

/** The parent's own environment. It must not contain the program's variables, which Node itself would obey. */
function environmentOfParent(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH } = process.env
  return { PATH, ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }) }
}

/** A running parent, and the messages to it and from it. */
class Parent {
  readonly #request: Pipe
  readonly #report: Pipe
  readonly child: ChildProcess
  #rest = ''

  constructor(request: Pipe, report: Pipe, start: (descriptors: readonly number[]) => ChildProcess) {
    this.#request = request
    this.#report = report
    try {
      this.child = start([request.readEnd, report.writeEnd])
    } catch (error) {
      this.close()
      throw error
    } finally {
      request.close(request.readEnd)
      report.close(report.writeEnd)
    }
    // A running command does not keep the worker alive.
    this.child.unref()
  }

  tell(what: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(what)}\n`)
    for (let written = 0; written < bytes.length;) written += writeSync(this.#request.writeEnd, bytes, written)
  }

  /** Blocks until the parent reports something. Returns undefined if the parent has ended. */
  hear(): Report | undefined {
    const piece = Buffer.alloc(1024)
    for (;;) {
      const end = this.#rest.indexOf('\n')
      if (end >= 0) {
        const line = this.#rest.slice(0, end)
        this.#rest = this.#rest.slice(end + 1)
        return JSON.parse(line) as Report
      }
      const length = readSync(this.#report.readEnd, piece)
      if (length === 0) return undefined
      this.#rest += piece.toString('utf8', 0, length)
    }
  }

  close(): void {
    this.#request.close(this.#request.writeEnd)
    this.#report.close(this.#report.readEnd)
  }
}

/** Tells the parent that its program is known. EPIPE means that the parent has been killed meanwhile. */
function goOn(parent: Parent): void {
  try {
    parent.tell('go on')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}

/** Asks the parent to start the program. Returns the program's identity, or why it could not be started. */
function startThrough(parent: Parent, request: SpawnRequest): ProcessIdentity | Error {
  const { cwd, env } = request
  try {
    parent.tell({ ...programOf(request), cwd, env })
    const report = parent.hear()
    if (report === undefined) return findMarked(request) ?? new Error('its parent has ended')
    if (report.pid === undefined) return Object.assign(new Error(report.message), report)
    // The parent does not wait for the program before we tell it to.
    const identity = identify(report.pid, () => true)
    takeLocksMark(parent.child.pid!)
    goOn(parent)
    return identity
  } catch (error) {
    return error as Error
  }
}

/** Finds a program that killed its parent before the parent could report it. Only this program has its mark yet. */
function findMarked({ env }: SpawnRequest): ProcessIdentity | undefined {
  const inherited = new Set(entriesOf(process.env))
  const marks = entriesOf(env).filter((entry) => !inherited.has(entry) && hasMark([entry]))
  const pids = table.name === 'linux' ? readdirSync('/proc').map(Number).filter(Number.isSafeInteger) : []
  const pid = pids.find((each) => table.environment(each)?.some((entry) => marks.includes(entry)))
  return pid === undefined ? undefined : table.identify(table.identify(pid)?.session ?? pid)
}

/**
 * Reports the exit of a program whose parent has gone. The code is known only if this process has adopted the program.
 */
function watchOrphan(identity: ProcessIdentity, calls: PosixSpawn | undefined, onExit: OnExit): void {
  if (calls !== undefined && holderOf(identity)?.ppid === process.pid) {
    awaitChild(calls, identity.pid, (exit) =>
      exit === 'not a child' ? onExit(null, null) : onExit(exit.code, exit.signal),
    )
    return
  }
  const stop = every(orphanInterval, () => {
    if (isRunning(identity)) return
    stop()
    onExit(null, null)
  })
}

/**
 * Reports the program's exit, and kills its parent when asked to.
 *
 * @param release closes our ends of the streams, as the kernel closes those of a parent that has ended.
 */
function watch(
  parent: Parent,
  identity: ProcessIdentity,
  calls: PosixSpawn | undefined,
  release: () => void,
): Pick<StartedProgram, 'isHeld' | 'onExit' | 'loseParent'> {
  const { pid } = parent.child
  const ownIdentity = table.identify(pid!)
  const callbacks: OnExit[] = []
  let isOver = false
  const exited: OnExit = (code, signal) => {
    isOver = true
    for (const callback of callbacks) callback(code, signal)
  }
  const ended = async (): Promise<void> => {
    const exit = parent.hear()?.exit
    parent.close()
    if (exit !== undefined) return exited(exit.code, exit.signal)
    // What the program had written before is in its pipes. The streams may not have begun, and read in the next turn.
    await turn()
    await turn()
    release()
    watchOrphan(identity, calls, exited)
  }
  const gone = new Promise<void>((resolve) => {
    parent.child.once('exit', () => resolve(ended()))
  })
  return {
    // Its parent may have waited for it a moment ago. The process table knows.
    isHeld: () => !isOver && holderOf(identity) !== undefined,
    onExit: (callback) => void callbacks.push(callback),
    loseParent: () => {
      if (ownIdentity !== undefined) signalProcess(ownIdentity, 'SIGKILL')
      return gone
    },
  }
}

/** Opens the pipes for the request and the report. Throws if none can be made. */
function openTalk(openPipe: OpenPipe): [request: Pipe, report: Pipe] {
  const pipes = [openPipe(1), openPipe(1)]
  if (pipes[0] === undefined || pipes[1] === undefined) throw new Error('no pipes can be made here (mkfifo)')
  return [pipes[0], pipes[1]]
}

/**
 * Starts a program as the leader of its own session and group, below a parent that can be killed alone.
 *
 * @param calls to wait for the program once this process has adopted it.
 * @returns the running program, or a promise of the reason why it could not be started.
 */
export function startBelowParent(
  request: SpawnRequest,
  openPipe: OpenPipe,
  calls: PosixSpawn | undefined,
): Transport | Promise<SpawnError> {
  let pipes: StandardPipes | undefined
  let parent: Parent
  const begin = (stdio: readonly (number | 'pipe')[]): ChildProcess =>
    spawn(process.execPath, ['-e', parentScript], {
      cwd: '/',
      env: environmentOfParent(),
      detached: true,
      stdio: [...stdio],
    })
  try {
    pipes = openStandardPipes(openPipe)
    const theirs = pipes.theirs.map((end) => end ?? ('pipe' as const))
    parent = new Parent(...openTalk(openPipe), (descriptors) =>
      startMarked(
        request.locks,
        () => startOwn(() => begin([...theirs, ...descriptors])),
        (child) => child.pid,
      ),
    )
  } catch (error) {
    pipes?.handOver()
    pipes?.release()
    return Promise.resolve(explain(error, request))
  }
  const { child } = parent
  pipes.handOver()
  if (child.pid === undefined) {
    parent.close()
    pipes.release()
    return new Promise((resolve) => child.once('error', (error) => resolve(explain(error, request))))
  }
  const identity = startThrough(parent, request)
  if (identity instanceof Error) {
    // The parent ends when this pipe is closed.
    parent.close()
    pipes.release()
    return Promise.resolve(explain(identity, request))
  }
  const ends = endsOf(pipes, child)
  const release = (): void => Object.values(ends).forEach((end) => end.close())
  return new Pipes({ identity, streams: pipes.names, ...ends, ...watch(parent, identity, calls, release) })
}
