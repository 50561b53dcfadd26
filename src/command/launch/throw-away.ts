import { holderOf, isRunning } from '../../system/process-table/holder.js'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readSync, writeSync } from 'node:fs'
import { every } from '../../base/clock.js'
import type { SpawnError } from '../../base/errors.js'
import { startMarked, takeLocksMark } from '../../containment/locks-mark.js'
import { parseMarks } from '../../containment/marks.js'
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

// A program below a parent of its own, which can be SIGKILLed alone: the client of a server, say. The pipes are this
// process's, and the program inherits them through the parent, which relays nothing and so loses nothing. When the
// parent is ended, the ends on this side are closed: the kernel would have closed the parent's at the same moment.

/**
 * The parent. It starts the program, says who it is, and waits until that is known here before it waits for the
 * program: until then the number is the program's own. It ends with the program, or with this process.
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

/** ms between two looks at a program that has no parent any more, where nobody tells of its exit. */
const orphanInterval = table.name === 'linux' ? 20 : 200

interface Report {
  readonly pid?: number
  readonly exit?: { readonly code: number | null; readonly signal: NodeJS.Signals | null }
  readonly code?: string
  readonly message?: string
}

/** The parent's own environment has nothing of the program's: its Node must not be told what that one is. */
function environmentOfParent(): NodeJS.ProcessEnv {
  const { PATH, LD_LIBRARY_PATH } = process.env
  return { PATH, ...(LD_LIBRARY_PATH === undefined ? {} : { LD_LIBRARY_PATH }) }
}

/** A parent that was started, and what one says to it and hears of it. */
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
    // Nothing keeps the worker alive for a command.
    this.child.unref()
  }

  tell(what: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify(what)}\n`)
    for (let written = 0; written < bytes.length;) written += writeSync(this.#request.writeEnd, bytes, written)
  }

  /** Blocks until it says something. Undefined when it has ended. */
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

/** Tells the parent that its program is known. EPIPE: it has been ended meanwhile, and the program has lost it. */
function goOn(parent: Parent): void {
  try {
    parent.tell('go on')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
}

/** Asks the parent to start the program. Who that is, or why it could not be started. */
function startThrough(parent: Parent, request: SpawnRequest): ProcessIdentity | Error {
  const { cwd, env } = request
  try {
    parent.tell({ ...programOf(request), cwd, env })
    const report = parent.hear()
    if (report === undefined) return findMarked(request) ?? new Error('its parent has ended')
    if (report.pid === undefined) return Object.assign(new Error(report.message), report)
    // Nobody waits for it before it is told so.
    const identity = identify(report.pid, () => true)
    takeLocksMark(parent.child.pid!)
    goOn(parent)
    return identity
  } catch (error) {
    return error as Error
  }
}

/** A program that has ended its parent before that could say who it is: its mark tells, and no other has it yet. */
function findMarked({ env }: SpawnRequest): ProcessIdentity | undefined {
  const inherited = new Set(entriesOf(process.env))
  const marks = entriesOf(env).filter((entry) => !inherited.has(entry) && parseMarks([entry]).length > 0)
  const pids = table.name === 'linux' ? readdirSync('/proc').map(Number).filter(Number.isSafeInteger) : []
  const pid = pids.find((each) => table.environment(each)?.some((entry) => marks.includes(entry)))
  return pid === undefined ? undefined : table.identify(table.identify(pid)?.session ?? pid)
}

/** Tells of the exit of a program whose parent has gone. With the code where this process has adopted it. */
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
 * Tells of the program's exit, and ends its parent when somebody asks for it.
 *
 * @param release lets go of the streams, as the kernel does with those of a parent that has ended.
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
  const gone = new Promise<void>((resolve) => {
    parent.child.once('exit', () => {
      const exit = parent.hear()?.exit
      parent.close()
      if (exit !== undefined) exited(exit.code, exit.signal)
      else {
        release()
        watchOrphan(identity, calls, exited)
      }
      resolve()
    })
  })
  return {
    // Its parent may have waited for it a moment ago: the table knows.
    isHeld: () => !isOver && holderOf(identity) !== undefined,
    onExit: (callback) => void callbacks.push(callback),
    loseParent: () => {
      if (ownIdentity !== undefined) signalProcess(ownIdentity, 'SIGKILL')
      return gone
    },
  }
}

/** Pipes for the request and the report. Throws where none can be made. */
function openTalk(openPipe: OpenPipe): [request: Pipe, report: Pipe] {
  const pipes = [openPipe(1), openPipe(1)]
  if (pipes[0] === undefined || pipes[1] === undefined) throw new Error('no pipes can be made here (mkfifo)')
  return [pipes[0], pipes[1]]
}

/**
 * Starts a program as the leader of a session and a group of its own, below a parent that can be ended alone.
 *
 * @param calls to wait for it once it is this process's own child.
 * @returns the running program, or the promise of the reason why it could not be started.
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
    // It ends with what it hears from.
    parent.close()
    pipes.release()
    return Promise.resolve(explain(identity, request))
  }
  const ends = endsOf(pipes, child)
  const release = (): void => Object.values(ends).forEach((end) => end.close())
  return new Pipes({ identity, streams: pipes.names, ...ends, ...watch(parent, identity, calls, release) })
}
