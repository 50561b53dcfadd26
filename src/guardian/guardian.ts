import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, ftruncateSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { clearImmediate, setImmediate } from 'node:timers'
import { fileURLToPath } from 'node:url'
import { thisOwner } from '../containment/owner.js'
import { startOwn } from '../containment/own-starts.js'
import { realProcess } from '../base/real-process.js'
import { every } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import type { ProcessIdentity } from '../system/process-table/table.js'

// A small shell script in a session of its own that holds the reading end of a pipe. When this worker dies, however it
// dies, the pipe closes, and the script ends what the worker had open. guardian.sh says the rest.

const scriptPath = fileURLToPath(new URL('./guardian.sh', import.meta.url))

/** From inside a yarn PnP archive no shell can read. */
const isForShells = (path: string): boolean => existsSync(path) && !path.includes('.zip/')

/** The head of every trace: what comes behind it is data. Its file is handed to the guardian where a shell can read it. */
export const tracePage = fileURLToPath(new URL('./trace-page.html', import.meta.url))
export const isPageForShells = isForShells(tracePage)

/** ms after which it hears at the latest that a group is empty: no number comes back to a stranger within them. */
const flushTime = 20

/** The main process of the runner, when this process is its worker: a child with an IPC channel. */
function mainProcess(): ProcessIdentity | undefined {
  return realProcess.connected ? table.identify(process.ppid) : undefined
}

/** The line that says the end of what another one has opened: of a process its number alone. */
function endOf(line: string): string {
  const kind = line.charAt(0).toUpperCase()
  return kind === 'W' ? `W${line.slice(1)}` : `${kind} ${line.split(' ')[1]}`
}

/** An open file that a trace is written to. What is written goes to its end. */
export interface Draft {
  readonly path: string
  readonly file: number
}

/** One worker's guardian. It is started with the first workspace and restarted when it dies. */
export class Guardian {
  readonly #environment: NodeJS.ProcessEnv
  readonly #token: string
  /** What is open: the lines that say so. */
  readonly #open = new Set<string>()
  /** What it has been told of and has not heard the end of. */
  readonly #told = new Set<string>()
  /** A workspace of which it hears before there is one: who makes it need not wait for the telling. */
  #reserved: string | undefined
  #flushSoon: NodeJS.Immediate | undefined
  #stopFlush: (() => void) | undefined
  #child: ChildProcess | undefined
  /**
   * What the path of every unfinished trace begins with. They are looked for only when the worker is dead: telling of
   * each would cost a test more than the trace does.
   */
  readonly #drafts: string
  #draftCount = 0
  /** Drafts of traces that nobody needed: to make a file and to remove it costs a short test more than to write it. */
  readonly #emptyDrafts: Draft[] = []

  constructor(token: string, environment: NodeJS.ProcessEnv) {
    this.#token = token
    this.#drafts = join(tmpdir(), `proctor-trace-${process.pid}-${token}-`)
    this.#environment = environment
  }

  /** undefined before it is needed, and between a death and the restart. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  watchGroup(leader: ProcessIdentity): void {
    this.#watch(`g ${leader.pid} ${leader.startTime}`)
  }

  forgetGroup(leader: ProcessIdentity): void {
    this.#forget(`g ${leader.pid} ${leader.startTime}`)
  }

  /** A child that leads no group of its own, with what it starts. */
  watchProcess({ pid, startTime }: ProcessIdentity): void {
    this.#watch(`p ${pid} ${startTime}`)
  }

  forgetProcess({ pid, startTime }: ProcessIdentity): void {
    this.#forget(`p ${pid} ${startTime}`)
  }

  /** What is allowed to outlive its command is left alone, at the worker's end too. */
  spare({ pid, startTime }: ProcessIdentity): void {
    this.#open.add(`s ${pid} ${startTime}`)
    this.#flush()
  }

  /** The folder to make a workspace in, which it has heard of: whoever dies between the two leaves none. */
  nextWorkspace(makePath: () => string): string {
    const path = makePath()
    if (path.includes('\n')) return path
    const reserved = this.#reserved
    const isTold = reserved !== undefined && this.#told.has(`w ${reserved}`)
    if (isTold && dirname(reserved) === dirname(path)) {
      this.#reserve(path)
      return reserved
    }
    this.#open.add(`w ${path}`)
    if (reserved === undefined || dirname(reserved) !== dirname(path)) this.#reserve(makePath())
    if (this.#child === undefined) this.start()
    else this.#flush()
    return path
  }

  forgetWorkspace(folder: string): void {
    this.#forget(`w ${folder}`)
  }

  /** An empty file that the guardian finds when this worker is dead. Whoever takes it gives it back, or removes it. */
  takeDraft(): Draft {
    const spare = this.#emptyDrafts.pop()
    if (spare !== undefined) return spare
    this.#draftCount += 1
    const path = `${this.#drafts}${this.#draftCount}.html`
    return { path, file: openSync(path, 'ax', 0o600) }
  }

  giveBack(draft: Draft): void {
    ftruncateSync(draft.file)
    this.#emptyDrafts.push(draft)
  }

  #reserve(path: string): void {
    if (this.#reserved !== undefined && !this.#told.has(`w ${this.#reserved}`)) this.#open.delete(`w ${this.#reserved}`)
    this.#reserved = path
    this.#open.add(`w ${path}`)
  }

  /** It hears within this turn of the event loop: until then, the mark and the workspace tell it whose a process is. */
  #watch(line: string): void {
    this.#open.add(line)
    if (this.#child === undefined) this.start()
    else this.#flushSoon ??= setImmediate(() => this.#flush())
  }

  /** What is over goes along with what is told next: each write wakes it up, and the program under test waits. */
  #forget(line: string): void {
    if (this.#open.delete(line)) this.#stopFlush ??= every(flushTime, () => this.#flush())
  }

  #flush(): void {
    if (this.#flushSoon !== undefined) clearImmediate(this.#flushSoon)
    this.#stopFlush?.()
    this.#flushSoon = undefined
    this.#stopFlush = undefined
    const stdin = this.#child?.stdin
    if (stdin === null || stdin === undefined) return
    const closed = [...this.#told].filter((line) => !this.#open.has(line))
    const opened = [...this.#open].filter((line) => !this.#told.has(line))
    for (const line of closed) this.#told.delete(line)
    for (const line of opened) this.#told.add(line)
    const lines = [...closed.map(endOf), ...opened]
    if (lines.length > 0) stdin.write(`${lines.join('\n')}\n`)
  }

  /** Starts the script and tells it everything that is open. */
  start(): void {
    const owner = thisOwner()
    const main = mainProcess()
    const mains = main === undefined ? ['', ''] : [main.pid, main.startTime]
    const page = isPageForShells ? tracePage : ''
    const parameters = [this.#token, owner.pid, owner.startTime, ...mains, this.#drafts, page]
    // Where no shell can read it the text is handed over instead of the path.
    const script = isForShells(scriptPath) ? [scriptPath] : ['-c', readFileSync(scriptPath, 'utf8'), 'proctor-guardian']
    const child = startOwn(() =>
      spawn('/bin/sh', [...script, ...parameters.map(String)], {
        cwd: '/',
        detached: true,
        env: this.#environment,
        stdio: ['pipe', 'ignore', 'ignore'],
      }),
    )
    this.#child = child
    child.unref()
    const stdin = child.stdin as NodeJS.WritableStream & { unref?: () => void }
    stdin.unref?.()
    // EPIPE when it has died: its 'exit' restarts it.
    stdin.on('error', () => {})
    // It could not be started: the next command tries again.
    child.on('error', () => {
      if (this.#child === child) this.#child = undefined
    })
    child.once('exit', () => {
      if (this.#child !== child) return
      this.#child = undefined
      this.#told.clear()
      const isNeeded = [...this.#open].some((line) => line !== `w ${this.#reserved}`)
      if (isNeeded) this.start()
    })
    this.#told.clear()
    this.#flush()
  }
}
