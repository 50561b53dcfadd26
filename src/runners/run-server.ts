import { checkOptions, duration, type Rule, type Rules } from '../base/check.js'
import { ProctorError } from '../base/errors.js'
import { escapeText } from '../base/escape.js'
import { startFolder } from '../base/start-folder.js'
import type { Process } from '../command/process.js'
import { type RunOptions, runRules } from '../fixture/options.js'
import { FixtureProctor } from '../fixture/proctor.js'

// One server for all tests of a run. It lives in the runner's main process, and is torn down there like any command.

/** Where the server is, as the tests get it. */
export interface ServerAddress {
  /** As in `http://127.0.0.1:3000`. */
  readonly url: string
  readonly port: number
  /** Of the command itself. */
  readonly pid: number
}

/** Options of a server, beside those of its command. */
export interface ServerOptions extends Omit<RunOptions, 'terminal' | 'parent' | 'input'> {
  /** When it is ready: its tree listens on any port (default), on this one, or answers at this path with 200 to 399. */
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

  /** Starts it. Returns once it is ready, or throws why it is not; then nothing of it is left. */
  async start(): Promise<ServerAddress> {
    const { ready, readyTimeout = 60_000, ...options } = this.#options
    // Strict containment would bring the orphans of all workers to the runner's main process.
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

  /** Ends it with everything that it has started. Returns what a person is to read, if something is wrong. */
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

/** What is wrong with the server, for a person. A run may have other set-ups. */
const said = (command: string, { name, message }: Error): string =>
  `The server of this run, ${escapeText(command)}: ${name}: ${escapeText(message)}`

/** Tests get one address: of two servers they would meet the one that came last. */
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

/** Says at the end of a run what is wrong, and fails it. */
export function failRun(message: string | undefined): void {
  if (message === undefined) return
  process.stderr.write(`\n${message}\n`)
  // Vitest 4 exits with 0 when a global teardown throws.
  process.exitCode = 1
}
