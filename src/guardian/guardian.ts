import { existsSync, ftruncateSync, openSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { thisOwner } from '../containment/owner.js'
import { ownSession } from '../containment/root.js'
import { realProcess } from '../base/real-process.js'
import { every, soon } from '../base/clock.js'
import { runtime } from '../base/runtime.js'
import { table } from '../system/process-table/current.js'
import { keyOf, type ProcessIdentity } from '../system/process-table/table.js'
import { OwnRecord } from '../workspace/record.js'
import { formatLine, type Line } from './protocol.js'
import { type Script, startScript } from './script.js'

// A small shell script in a session of its own that holds the reading end of a pipe. When this worker dies, however it
// dies, the pipe closes, and the script starts Node with `ending.ts`, which ends what the worker had open.

const scriptPath = fileURLToPath(new URL('./guardian.sh', import.meta.url))
const builtEnding = fileURLToPath(new URL('./guardian-ending.js', import.meta.url))
/** Beside this code once it is built. The sources, of which the unit tests are, have it where it is built to. */
const endingPath = existsSync(builtEnding)
  ? builtEnding
  : fileURLToPath(new URL('../../dist/guardian-ending.js', import.meta.url))

/** From inside a yarn PnP archive no other program can read. */
const isForOthers = (path: string): boolean => existsSync(path) && !path.includes('.zip/')

/** The head of every trace: what comes behind it is data. Its file is named to the guardian where that can read it. */
export const tracePage = fileURLToPath(new URL('./trace-page.html', import.meta.url))
export const isPageForOthers = isForOthers(tracePage)

/** Upper bound (ms) before the guardian learns that a group is empty; pids are not reused that fast. */
const flushTime = 20

/** Where it cannot live, it is not started for ever. */
const mostRestarts = 20

/** The main process of the runner, when this process is its worker: a child with an IPC channel. */
function mainProcess(): ProcessIdentity | undefined {
  return realProcess.connected ? table.identify(process.ppid) : undefined
}

/** An open file that a trace is written to. What is written goes to its end. */
export interface Draft {
  readonly path: string
  readonly file: number
}

/** One worker's guardian. It is started with the first workspace and restarted when it dies. */
export class Guardian {
  readonly #environment: NodeJS.ProcessEnv
  readonly #worker: { readonly token: string; readonly run: string; readonly locks: bigint | undefined }
  /** What is open, by what it is: the lines that say so. */
  readonly #open = new Map<string, string>()
  /** The lines that the guardian has got and that are still open. */
  readonly #told = new Set<string>()
  #cancelFlush: (() => void) | undefined
  #stopFlush: (() => void) | undefined
  #child: Script | undefined
  #restarts = 0
  #temporary: { readonly name: string; readonly real: string } | undefined
  /** By temporary folder: tests change TMPDIR. */
  readonly #records = new Map<string, OwnRecord>()
  /** Drafts of traces that nobody needed: to make a file and to remove it costs a short test more than to write it. */
  readonly #emptyDrafts: Draft[] = []
  #hasSpared = false

  constructor(
    worker: { readonly token: string; readonly run: string; readonly locks: bigint | undefined },
    environment: NodeJS.ProcessEnv,
  ) {
    this.#worker = worker
    this.#environment = environment
  }

  /** undefined before it is needed, and between a death and the restart. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * Where everything that a command starts carries the second mark, the guardian finds it by that: to hear of the group
   * saves it a moment. It would be woken up beside every program that starts, and most of them have gone by then.
   */
  watchGroup(leader: ProcessIdentity): void {
    const [key, line] = [`group ${keyOf(leader)}`, { kind: 'group', leader } as const]
    if (this.#child === undefined || this.#worker.locks === undefined) this.#watch(key, line)
    else this.#setLater(key, line)
  }

  #setLater(key: string, line: Line): void {
    this.#open.set(key, formatLine(line))
    this.#flushLater()
  }

  #flushLater(): void {
    this.#stopFlush ??= every(flushTime, () => this.#flush())
  }

  /** The leader has exited: who comes into its group from here on may be a stranger in a number that was used again. */
  leaderExited(leader: ProcessIdentity, before: number): void {
    const key = `group ${keyOf(leader)}`
    if (!this.#open.has(key)) return
    // Most often the group is forgotten a moment later.
    this.#setLater(key, { kind: 'group', leader, before })
  }

  forgetGroup(leader: ProcessIdentity): void {
    this.#forget(`group ${keyOf(leader)}`)
  }

  /** A child that leads no group of its own, with what it starts. */
  watchProcess(identity: ProcessIdentity): void {
    this.#watch(`process ${keyOf(identity)}`, { kind: 'process', identity })
  }

  forgetProcess(identity: ProcessIdentity): void {
    this.#forget(`process ${keyOf(identity)}`)
  }

  /** What is allowed to outlive its command is left alone, at the worker's end and the run's. */
  spare({ pid, startTime }: ProcessIdentity): void {
    this.#hasSpared = true
    this.#note(`process ${pid} ${startTime}`)
  }

  /** All that is alive of a tree is allowed to be: then what that starts later is allowed, too. */
  spareTree(tree: string, locks?: bigint): void {
    this.#hasSpared = true
    this.#note(`tree ${tree} ${locks ?? ''}`)
  }

  /**
   * The path to make a workspace at. Its record is there before it: whoever dies between the two leaves none.
   *
   * @throws {WorkspaceError} when somebody else's folder is in the place of this user's own.
   */
  nextWorkspace(): string {
    const record = this.#recordIn(this.#temporaryFolder())
    this.startOnce()
    return record.nextWorkspace()
  }

  /**
   * An empty file for the trace that is to go to `destination`. Whoever takes it gives it back.
   *
   * @throws {WorkspaceError} when somebody else's folder is in the place of this user's own.
   */
  takeDraft(destination: string): Draft {
    const draft = this.#emptyDrafts.pop() ?? this.#newDraft()
    this.#watch(`trace ${draft.path}`, { kind: 'trace', draft: draft.path, destination })
    return draft
  }

  giveBack(draft: Draft): void {
    ftruncateSync(draft.file)
    this.#forget(`trace ${draft.path}`)
    this.#emptyDrafts.push(draft)
  }

  #newDraft(): Draft {
    const path = this.#recordIn(this.#temporaryFolder()).nextDraft()
    return { path, file: openSync(path, 'ax', 0o600) }
  }

  /** The real path of the temporary folder. Each test asks for it, and hardly any changes TMPDIR. */
  #temporaryFolder(): string {
    const name = tmpdir()
    const real = this.#temporary?.name === name ? this.#temporary.real : realpathSync(name)
    this.#temporary = { name, real }
    return real
  }

  #recordIn(temporary: string): OwnRecord {
    const known = this.#records.get(temporary)
    if (known !== undefined && !known.isFull) return known
    const { token, run, locks } = this.#worker
    const record = new OwnRecord(temporary, { owner: thisOwner(), run, mark: token, locks })
    this.#records.set(temporary, record)
    // The guardian is told first, so that a worker that dies in between leaves nothing.
    this.#open.set(`record ${record.path}`, formatLine({ kind: 'record', path: record.path }))
    if (this.#child === undefined) this.start()
    else this.#flush()
    record.write()
    this.#noteGuardian()
    return record
  }

  /**
   * The worker ends in order, and no fixture of it is left. Where nothing else is open either, its records go, and the
   * guardian has no line at the end of file: it ends at once. Otherwise it starts Node, to look whether that is so.
   */
  retire(): void {
    if (this.#hasSpared || [...this.#open.keys()].some((key) => !key.startsWith('record '))) return
    for (const record of this.#records.values()) if (record.drop()) this.#open.delete(`record ${record.path}`)
    this.#flush()
  }

  #note(line: string): void {
    for (const record of this.#records.values()) record.note(line)
  }

  /** It hears within this turn of the event loop: until then, the mark tells it whose a process is. */
  #watch(key: string, line: Line): void {
    this.#open.set(key, formatLine(line))
    if (this.#child === undefined) this.start()
    else this.#cancelFlush ??= soon(() => this.#flush())
  }

  /** What is over goes along with what is told next: each write wakes it up, and the program under test waits. */
  #forget(key: string): void {
    if (this.#open.delete(key)) this.#flushLater()
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#stopFlush?.()
    this.#cancelFlush = undefined
    this.#stopFlush = undefined
    if (this.#child === undefined) return
    const open = new Set(this.#open.values())
    const closed = [...this.#told].filter((line) => !open.has(line))
    const opened = [...open].filter((line) => !this.#told.has(line))
    for (const line of closed) this.#told.delete(line)
    for (const line of opened) this.#told.add(line)
    const lines = [...closed.map((line) => `-${line}`), ...opened]
    if (lines.length > 0) this.#child.tell(`${lines.join('\n')}\n`)
  }

  /** The path of a file of this package that other programs can read. */
  #readable(path: string): string {
    const [record] = this.#records.values()
    if (isForOthers(path) || record === undefined || !existsSync(path)) return path
    const copy = record.nextDraft().replace(/\.html$/, '.mjs')
    writeFileSync(copy, readFileSync(path), { mode: 0o600 })
    return copy
  }

  /** Sees to it that the worker has a guardian from here on. */
  startOnce(): void {
    if (this.#child === undefined) this.start()
  }

  /** Starts the script and tells it everything that is open. */
  start(): void {
    try {
      // A sweep goes by it, if this guardian dies too.
      if (this.#records.size === 0) this.#recordIn(this.#temporaryFolder())
    } catch {
      // Who makes a workspace hears of it; a guard does without.
    }
    if (this.#child === undefined) this.#spawn()
  }

  /** A sweep that comes at a bad time waits for it. */
  #noteGuardian(): void {
    const identity = this.pid === undefined ? undefined : table.identify(this.pid)
    if (identity !== undefined) this.#note(`guardian ${keyOf(identity)}`)
  }

  #spawn(): void {
    const owner = thisOwner()
    const main = mainProcess()
    const environment = {
      ...this.#environment,
      PROCTOR_NODE: process.execPath,
      // One a line. Deno would give it no right to anything, and there is nobody here to ask.
      ...(runtime === 'Deno' ? { PROCTOR_NODE_ARGUMENTS: 'run\n--allow-all' } : {}),
      PROCTOR_ENDING: this.#readable(endingPath),
      PROCTOR_WORKER: `${keyOf(owner)} ${this.#worker.token} ${this.#worker.locks ?? ''} ${ownSession()}`,
      ...(main === undefined ? {} : { PROCTOR_MAIN: keyOf(main) }),
      ...(isPageForOthers ? { PROCTOR_PAGE: tracePage } : {}),
    }
    const child = startScript({
      script: this.#readable(scriptPath),
      token: this.#worker.token,
      env: environment,
      onEnd: (reason) => {
        if (this.#child === child) this.#hasEnded(reason)
      },
    })
    // The next command tries again.
    if (child === undefined) return
    this.#child = child
    this.#told.clear()
    this.#flush()
    this.#noteGuardian()
  }

  #hasEnded(reason: 'exited' | 'not started'): void {
    this.#child = undefined
    // The next command tries again.
    if (reason === 'not started') return
    this.#told.clear()
    this.#restarts += 1
    if (this.#restarts <= mostRestarts) this.start()
  }
}
