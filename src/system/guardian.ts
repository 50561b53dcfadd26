import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { thisOwner } from './marks.js'
import { startOwn } from './own-starts.js'
import { realProcess } from './real-process.js'
import { table } from './process-table/current.js'
import type { ProcessIdentity } from './process-table/table.js'

// A small shell script in a session of its own that holds the reading end of a pipe. When this worker dies, however it
// dies, the pipe closes, and the script ends what the worker had open. guardian.sh says the rest.

const scriptPath = fileURLToPath(new URL('./guardian.sh', import.meta.url))

/** The main process of the runner, when this process is its worker: a child with an IPC channel. */
function mainProcess(): ProcessIdentity | undefined {
  return realProcess.connected ? table.identify(process.ppid) : undefined
}

/** One worker's guardian. It is started with the first command and restarted when it dies. */
export class Guardian {
  readonly #environment: NodeJS.ProcessEnv
  readonly #token: string
  readonly #lines = new Set<string>()
  #child: ChildProcess | undefined
  /**
   * What the path of every unfinished trace begins with. They are looked for only when the worker is dead: telling of
   * each would cost a test more than the trace does.
   */
  readonly drafts: string

  constructor(token: string, environment: NodeJS.ProcessEnv) {
    this.#token = token
    this.drafts = join(tmpdir(), `proctor-trace-${process.pid}-${token}-`)
    this.#environment = environment
  }

  /** undefined before the first command, and between a death and the restart. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  watchGroup(leader: ProcessIdentity): void {
    const line = `g ${leader.pid} ${leader.startTime}`
    this.#lines.add(line)
    if (this.#child === undefined) this.start()
    else this.#write(line)
  }

  forgetGroup(leader: ProcessIdentity): void {
    this.#close(`g ${leader.pid} ${leader.startTime}`, `G ${leader.pid}`)
  }

  /** A child that leads no group of its own, with what it starts. */
  watchProcess({ pid, startTime }: ProcessIdentity): void {
    const line = `p ${pid} ${startTime}`
    this.#lines.add(line)
    if (this.#child === undefined) this.start()
    else this.#write(line)
  }

  forgetProcess({ pid, startTime }: ProcessIdentity): void {
    this.#close(`p ${pid} ${startTime}`, `P ${pid}`)
  }

  /** What is allowed to outlive its command is left alone, at the worker's end too. */
  spare({ pid, startTime }: ProcessIdentity): void {
    this.#lines.add(`s ${pid} ${startTime}`)
    this.#write(`s ${pid} ${startTime}`)
  }

  /** Told before the folder is made. A guardian that is not there yet hears of it with the first command. */
  watchWorkspace(folder: string): void {
    if (folder.includes('\n')) return
    this.#lines.add(`w ${folder}`)
    this.#write(`w ${folder}`)
  }

  forgetWorkspace(folder: string): void {
    this.#close(`w ${folder}`, `W ${folder}`)
  }

  #close(opened: string, line: string): void {
    if (this.#lines.delete(opened)) this.#write(line)
  }

  #write(...lines: string[]): void {
    this.#child?.stdin?.write(`${lines.join('\n')}\n`)
  }

  /** Starts the script and tells it everything that is open. */
  start(): void {
    const owner = thisOwner()
    const main = mainProcess()
    const mains = main === undefined ? ['', ''] : [main.pid, main.startTime]
    const parameters = [this.#token, owner.pid, owner.startTime, ...mains, this.drafts]
    // From inside a yarn PnP archive no shell can read: then the text is handed over instead of the path.
    const script =
      existsSync(scriptPath) && !scriptPath.includes('.zip/')
        ? [scriptPath]
        : ['-c', readFileSync(scriptPath, 'utf8'), 'proctor-guardian']
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
      if (this.#lines.size > 0) this.start()
    })
    if (this.#lines.size > 0) this.#write(...this.#lines)
  }
}
