import { checkOptions, duration, type Rule, type Rules } from '../base/check.js'
import { ProctorError } from '../base/errors.js'
import { escapeText } from '../base/escape.js'
import { startFolder } from '../base/start-folder.js'
import type { Process } from '../command/process.js'
import { type RunOptions, runRules } from '../fixture/options.js'
import { FixtureProctor } from '../fixture/proctor.js'

// One server for all tests of a run. It runs below the runner's main process, and is torn down there like any command.

/** The server's address, as the tests get it. */
export interface ServerAddress {
  /** For example `http://127.0.0.1:3000`. */
  readonly url: string
  readonly port: number
  /** The pid of the command itself. */
  readonly pid: number
}

/** Options of a server, in addition to those of its command. */
export interface ServerOptions extends Omit<RunOptions, 'terminal' | 'parent' | 'input'> {
  /**
   * When the server is ready: its tree listens on any port (default), it listens on this port, or it answers at this
   * path with a status from 200 to 399.
   */
  ready?: number | string
  /** ms within which it must be ready. Default 60,000. */
  readyTimeout?: number
}

const readiness: Rule = {
  accepts: "a port, or a path such as '/health'",
  test: (value) => typeof value === 'number' || (typeof value === 'string' && value.startsWith('/')),
}

const { terminal: _, parent: __, input: ___, ...commandRules } = runRules
const serverRules: Rules<ServerOptions> = { ...commandRules, ready: readiness, readyTimeout: duration }

export class RunServer {
  readonly #command: string
  readonly #args: readonly string[]
  readonly #options: ServerOptions
  #running: { readonly proctor: FixtureProctor; readonly process: Process } | undefined

  /** @throws {TypeError} on an option that is unknown or of the wrong type. */
  constructor(command: string, args: readonly string[], options: ServerOptions) {
    checkOptions('server', options, serverRules)
    this.#command = command
    this.#args = args
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#running?.process.running === true
  }

  /**
   * Starts the server and returns its address once it is ready. If it does not get ready, throws the reason and leaves
   * nothing of it.
   */
  async start(): Promise<ServerAddress> {
    const { ready, readyTimeout = 60_000, ...options } = this.#options
    // With strict containment, the orphans of all workers would become children of the runner's main process.
    const proctor = await FixtureProctor.create({ containment: 'basic', waitTimeout: readyTimeout })
    const process = proctor.run(this.#command, [...this.#args], { cwd: startFolder, ...options })
    this.#running = { proctor, process }
    try {
      const port = await portOf(process, ready)
      return { url: `http://127.0.0.1:${port}`, port, pid: process.pid! }
    } catch (error) {
      await this.stop()
      throw new ProctorError(said(process.command, error as Error), { cause: error })
    }
  }

  /** Ends the server with everything that it has started. Returns a message if something is wrong. */
  async stop(): Promise<string | undefined> {
    const running = this.#running
    this.#running = undefined
    try {
      await running?.proctor.teardown()
      return undefined
    } catch (error) {
      return said(running!.process.command, error as Error)
    }
  }
}

/** What is wrong with the server. Names the command, because a run may have other set-ups. */
const said = (command: string, { name, message }: Error): string =>
  `The server of this run, ${escapeText(command)}: ${name}: ${escapeText(message)}`

/** Refuses a second server: tests get one address, which would be that of the last one. */
export function refuseSecond(): never {
  throw new ProctorError(
    'server: this run has a server already, and the tests would get the address of one of them. Start the other one in a global set-up of your own.',
  )
}

async function portOf(process: Process, ready: ServerOptions['ready']): Promise<number> {
  if (typeof ready !== 'string') return process.waitForPort(ready)
  const { url } = await process.waitForHttp(ready)
  return Number(new URL(url).port)
}

/** Prints the message at the end of a run, and fails the run. */
export function failRun(message: string | undefined): void {
  if (message === undefined) return
  process.stderr.write(`\n${message}\n`)
  // Vitest 4 exits with 0 if a global teardown throws.
  process.exitCode = 1
}
