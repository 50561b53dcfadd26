import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { thisOwner } from '../containment/owner.js'
import { ownSession } from '../containment/root.js'
import { builtFile } from '../base/built-file.js'
import { realProcess } from '../base/real-process.js'
import { every, soon } from '../base/clock.js'
import { runtime } from '../base/runtime.js'
import { table } from '../system/process-table/current.js'
import { keyOf, type ProcessIdentity } from '../system/process-table/table.js'
import { temporaryFolder } from '../workspace/own-folder.js'
import { OwnRecord } from '../workspace/record.js'
import { formatLine, type Line } from './protocol.js'
import { type Script, startScript } from './script.js'

// The guardian is a small shell script in a session of its own, which holds the reading end of a pipe. When this worker
// dies, however it dies, the pipe closes. The script then starts Node with `ending.ts`, which ends what the worker had open.

const scriptPath = fileURLToPath(new URL('./guardian.sh', import.meta.url))
const endingPath = builtFile('guardian-ending.js')

/** Whether other programs can read a file: they cannot read one inside of a Yarn PnP archive. */
const isForOthers = (path: string): boolean => existsSync(path) && !path.includes('.zip/')

/**
 * The page with which every trace begins. The data follow it. The guardian gets the path only if it can read the file.
 */
export const tracePage = fileURLToPath(new URL('./trace-page.html', import.meta.url))
export const isPageForOthers = isForOthers(tracePage)

/** Upper bound (ms) before the guardian learns that a group is empty; pids are not reused that fast. */
const flushTime = 20

/** How often the guardian is restarted. There may be machines where it never lives long. */
const mostRestarts = 20

/** The main process of the runner, if this process is one of its workers: a child with an IPC channel. */
function mainProcess(): ProcessIdentity | undefined {
  return realProcess.connected ? table.identify(process.ppid) : undefined
}

/** A worker's guardian. It starts when there is something to watch, and is restarted when it dies. */
export class Guardian {
  readonly #environment: NodeJS.ProcessEnv
  readonly #worker: { readonly token: string; readonly run: string; readonly locks: bigint | undefined }
  /** The lines of everything that is open, by a name of it. */
  readonly #open = new Map<string, string>()
  /** The lines that the guardian has received and that are still open. */
  readonly #told = new Set<string>()
  #cancelFlush: (() => void) | undefined
  #stopFlush: (() => void) | undefined
  /** Whether nothing has been put off since the last flush. */
  #isTold = true
  #child: Script | undefined
  #restarts = 0
  #temporary: { readonly name: string; readonly real: string } | undefined
  /** More than one if a test changes TMPDIR, or if all names of one are taken. */
  readonly #records: OwnRecord[] = []
  /** What every record says of the processes that may live on. */
  readonly #exempted: string[] = []

  constructor(
    worker: { readonly token: string; readonly run: string; readonly locks: bigint | undefined },
    environment: NodeJS.ProcessEnv,
  ) {
    this.#worker = worker
    this.#environment = environment
  }

  /** Undefined before the guardian is needed, and between its death and its restart. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /**
   * If everything that a command starts carries the second mark, the guardian can find it by that mark, and the group
   * only saves a moment. Then the line can wait: it would wake the guardian for every program that starts, and most
   * programs have exited by the time of the next flush.
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
    this.#isTold = false
    this.#stopFlush ??= every(flushTime, () => this.#flushOrStop())
  }

  /** The next command mostly starts a moment later, and a timer takes longer to make than to keep. */
  #flushOrStop(): void {
    if (!this.#isTold) return this.#flush()
    this.#stopFlush?.()
    this.#stopFlush = undefined
  }

  /** Called when a leader has exited. If its number is used again, a later member of its group may be a stranger. */
  leaderExited(leader: ProcessIdentity, before: number): void {
    const key = `group ${keyOf(leader)}`
    if (!this.#open.has(key)) return
    // Most groups are forgotten a moment later.
    this.#setLater(key, { kind: 'group', leader, before })
  }

  forgetGroup(leader: ProcessIdentity): void {
    this.#forget(`group ${keyOf(leader)}`)
  }

  /** Watches a child that leads no group of its own, and whatever that starts. */
  watchProcess(identity: ProcessIdentity): void {
    this.#watch(`process ${keyOf(identity)}`, { kind: 'process', identity })
  }

  forgetProcess(identity: ProcessIdentity): void {
    this.#forget(`process ${keyOf(identity)}`)
  }

  /** Leaves a process alone at the end of the worker and of the run, because it is allowed to outlive its command. */
  exempt({ pid, startTime }: ProcessIdentity): void {
    this.#exempt(`process ${pid} ${startTime}`)
  }

  /** The same for everything that carries the mark of a tree, even if it starts later. */
  exemptTree(tree: string, locks?: bigint): void {
    this.#exempt(`tree ${tree} ${locks ?? ''}`)
  }

  #exempt(line: string): void {
    this.#exempted.push(line)
    this.#note(line)
  }

  /**
   * The path for a new workspace. Its record is written first, so that a worker that dies in between leaves no
   * unrecorded one. If somebody else has taken the last one (`isTaken`), the next has a name that nobody can guess.
   *
   * @throws {WorkspaceError} if this user's own folder belongs to somebody else.
   */
  nextWorkspace(isTaken = false): string {
    const temporary = this.#temporaryFolder()
    if (isTaken) this.#recordIn(temporary).spend()
    const record = this.#recordIn(temporary)
    this.startOnce()
    return record.nextWorkspace()
  }

  /**
   * The path for a new unfinished trace.
   *
   * @throws {WorkspaceError} if this user's own folder belongs to somebody else.
   */
  nextDraft(): string {
    return this.#recordIn(this.#temporaryFolder()).nextDraft()
  }

  /**
   * Watches an unfinished trace. If the worker dies, the guardian completes it at `destination`. The guardian is told at
   * once, before anything is written to the draft: nothing else says where the trace belongs.
   */
  watchTrace(draft: string, destination: string): void {
    this.#watchNow(`trace ${draft}`, { kind: 'trace', draft, destination })
  }

  forgetTrace(draft: string): void {
    this.#forget(`trace ${draft}`)
  }

  /** Tells the guardian what it has yet to be told: the worker exits, and there is no later. */
  tellNow(): void {
    this.#flush()
  }

  /**
   * The real path of the temporary folder. It is cached, because each test asks for it and hardly any changes TMPDIR.
   */
  #temporaryFolder(): string {
    const name = tmpdir()
    const real = this.#temporary?.name === name ? this.#temporary.real : temporaryFolder()
    this.#temporary = { name, real }
    return real
  }

  #recordIn(temporary: string): OwnRecord {
    const known = this.#records.find((each) => each.temporary === temporary && !each.isFull)
    if (known !== undefined) return known
    const { token, run, locks } = this.#worker
    const record = new OwnRecord(temporary, { owner: thisOwner(), run, mark: token, locks })
    this.#records.push(record)
    // The guardian is told first, so that a worker that dies in between leaves nothing.
    this.#watchNow(`record ${record.path}`, { kind: 'record', path: record.path })
    this.#write(record)
    for (const line of this.#exempted) record.note(line)
    this.#noteGuardian()
    return record
  }

  /** If the disk is full, the next fixture tries again. Nobody would find a workspace by half a record. */
  #write(record: OwnRecord): void {
    try {
      record.write()
    } catch (error) {
      this.#records.splice(this.#records.indexOf(record), 1)
      this.#forget(`record ${record.path}`)
      throw error
    }
  }

  /**
   * Called when the worker exits normally and has no fixture left. If nothing else is open, this removes its records
   * and takes back every line, and the guardian exits at the end of the file. Otherwise the guardian starts Node to
   * find what is left.
   */
  retire(): void {
    if (this.#exempted.length > 0 || [...this.#open.keys()].some((key) => !key.startsWith('record '))) return
    for (const record of this.#records) if (record.drop()) this.#open.delete(`record ${record.path}`)
    this.#flush()
  }

  #note(line: string): void {
    for (const record of this.#records) record.note(line)
  }

  /** Tells the guardian within this turn of the event loop: until then, it would find a process by its mark. */
  #watch(key: string, line: Line): void {
    this.#open.set(key, formatLine(line))
    if (this.#child === undefined) this.start()
    else this.#cancelFlush ??= soon(() => this.#flush())
  }

  /** Tells the guardian before this returns. */
  #watchNow(key: string, line: Line): void {
    this.#open.set(key, formatLine(line))
    if (this.#child === undefined) this.start()
    else this.#flush()
  }

  /** Takes a line back with the next flush. Each write would wake the guardian while the program under test runs. */
  #forget(key: string): void {
    if (this.#open.delete(key)) this.#flushLater()
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    this.#isTold = true
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
    const [record] = this.#records
    if (isForOthers(path) || record === undefined || !existsSync(path)) return path
    const copy = record.nextDraft().replace(/\.html$/, '.mjs')
    writeFileSync(copy, readFileSync(path), { mode: 0o600 })
    return copy
  }

  /** Starts the guardian, unless it runs. */
  startOnce(): void {
    if (this.#child === undefined) this.start()
  }

  /** Starts the guardian, and tells it everything that is open. */
  start(): void {
    try {
      // If this guardian dies as well, a sweep finds the worker's processes by the record.
      if (this.#records.length === 0) this.#recordIn(this.#temporaryFolder())
    } catch {
      // Whoever makes a workspace gets the error. A guard needs no record.
    }
    if (this.#child === undefined) this.#spawn()
  }

  /** Notes the guardian in the records: a sweep waits while it is at work. */
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
      // One argument a line. Without them, Deno would give the script no permissions.
      ...(runtime === 'Deno' ? { PROCTOR_NODE_ARGUMENTS: 'run\n--allow-all' } : {}),
      PROCTOR_ENDING: this.#readable(endingPath),
      // For a worker that dies before it has sent anything.
      PROCTOR_RECORDS: this.#records.map(({ path }) => path).join('\n'),
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
