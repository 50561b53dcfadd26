import type { ProcessGroup } from '../containment/process-group.js'
import type { ProcessInfo } from '../containment/tree.js'
import type { HttpAnswer, HttpWaitOptions } from '../readiness/http.js'
import type { OutputMark, OutputStream } from './output.js'
import type { SnapshotOptions } from '../snapshot/normalise.js'
import type { Usage } from './usage.js'
import type { WaitOptions } from '../wait/options.js'

/** How a command ended, and what it had written by then. */
export interface Exit {
  /** null when a signal ended it. */
  readonly exitCode: number | null
  /** null when it exited by itself. */
  readonly exitSignal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** stdout and stderr, in the order in which they were read. */
  readonly output: string
  /** Milliseconds from the start to the exit. */
  readonly durationMs: number
  /** What the command and everything it started have used. Only with the option `usage`, on Linux. */
  readonly usage?: Usage
}

export interface OutputWaitOptions extends WaitOptions {
  /** Which stream to look at. Default `output`: both. */
  readonly stream?: OutputStream | 'output'
  /** Look only at what came after this mark. */
  readonly since?: OutputMark
}

/** A running or ended command. It is not a promise: `await` the call that says what to wait for. */
export interface Process extends AsyncDisposable {
  /** The command as a shell would show it. */
  readonly command: string
  /** undefined once the command has exited, because the number may then belong to another process. */
  readonly pid: number | undefined
  /**
   * Turns false after the exit, together with `exitCode`, `exitSignal` and `pid`. The rest of the output gets up to 100
   * ms before that.
   */
  readonly running: boolean
  /** null while it runs, and if a signal ended it. */
  readonly exitCode: number | null
  /** The signal that ended it. null while it runs, and if it exited by itself. */
  readonly exitSignal: NodeJS.Signals | null
  /** stdout and stderr in the order in which they were read. */
  readonly output: string
  /** What it has written to standard output so far. */
  readonly stdout: string
  /** What it has written to standard error so far. */
  readonly stderr: string
  /** The process group that it leads: signal every member, or list the members. */
  readonly group: ProcessGroup
  /**
   * Everything that is alive of it: the leader, its group, and what has left the group. Zombies do not count.
   *
   * @example
   * expect((await server.tree()).map(({ command }) => command)).toContain('node worker.mjs')
   */
  tree(): Promise<ProcessInfo[]>
  /**
   * A place in the output, for `waitForOutput(…, { since })`.
   *
   * @example
   * const before = server.mark()
   * await workspace.write('page.js', 'changed')
   * await server.waitForOutput('rebuilt', { since: before })
   */
  mark(): OutputMark
  /**
   * Waits until the output matches. Text that is already there counts. The output matches as it was written, or as a
   * person reads it: without colours and other escape sequences, and in a terminal with the line ends that the program
   * wrote.
   *
   * @returns the match of a regular expression, else all output so far.
   * @throws {WaitTimeoutError} after `timeout` ms, by default the fixture's `waitTimeout`.
   * @throws {UnexpectedExitError} when the program exits first; whatever a predicate throws, as it is.
   * @example
   * const [, port] = await server.waitForOutput(/listening on (\d+)/)
   */
  waitForOutput(pattern: RegExp, options?: OutputWaitOptions): Promise<RegExpExecArray>
  waitForOutput(
    pattern: string | ((output: string) => boolean | Promise<boolean>),
    options?: OutputWaitOptions,
  ): Promise<string>
  /**
   * Waits for the exit, whatever its code.
   *
   * @throws {WaitTimeoutError} after `timeout` ms; nothing is killed for it.
   * @example
   * const { exitCode, stdout } = await run('node', ['cli.js']).waitForExit()
   */
  waitForExit(options?: WaitOptions): Promise<Exit>
  /**
   * Waits for exit code 0.
   *
   * @throws {FailedExitError} on any other code, or a signal.
   * @example
   * await run('npm', ['run', 'build']).waitForSuccessfulExit({ timeout: 60_000 })
   */
  waitForSuccessfulExit(options?: WaitOptions): Promise<Exit>
  /**
   * Waits until a process of this command's own tree listens on a TCP port, or on a unix socket (a path relative to the
   * command's cwd, or `@name` for an abstract one). The leader itself may have exited: a daemon's starter does.
   *
   * @returns the port; without an argument the one that was opened first. For a unix socket, its path.
   * @throws {PortInUseError} at once if a process that is not ours listens there; the error names it.
   * @throws {WaitTimeoutError} after `timeout` ms, by default the fixture's `waitTimeout`.
   * @throws {UnexpectedExitError} {AlreadyExitedError} if nothing of the tree is left.
   * @example
   * const port = await run('node', ['server.mjs']).waitForPort()
   */
  waitForPort(port?: number, options?: WaitOptions): Promise<number>
  waitForPort(path: string, options?: WaitOptions): Promise<string>
  /**
   * Waits until this command's own tree answers over HTTP. A path is requested on the port that the tree opens.
   *
   * @throws {WaitTimeoutError} after `timeout` ms; its message ends with the last answer.
   * @throws {PortInUseError} {UnexpectedExitError} {AlreadyExitedError} as `waitForPort`.
   * @example
   * const { body } = await server.waitForHttp('/health', { status: 200 })
   */
  waitForHttp(url: string | URL, options?: HttpWaitOptions): Promise<HttpAnswer>
  /**
   * The output and the end so far, fit for a snapshot: words replace the workspace, pids, ports, durations and escape
   * sequences. Standard output comes first, then standard error, then any exit code but 0. The call counts as a look at
   * the exit.
   *
   * @throws {TypeError} on an option that is unknown or of the wrong type.
   * @example
   * expect(process.snapshot()).toMatchInlineSnapshot(`"listening on http://localhost:<port>"`)
   */
  snapshot(options?: SnapshotOptions): string
  /**
   * Writes to standard input.
   *
   * @throws {ProctorError} when standard input is closed.
   * @throws {UnexpectedExitError} {AlreadyExitedError} once the program has exited.
   * @example
   * await prompt.write('yes\n')
   */
  write(text: string | Uint8Array): Promise<void>
  /** Closes standard input. */
  endInput(): Promise<void>
  /**
   * Sends a signal to the leader alone, e.g. SIGHUP to make a daemon reload. Throws at once if it has exited.
   *
   * @example
   * daemon.signal('SIGHUP')
   */
  signal(signal: NodeJS.Signals): void
  /**
   * Sends SIGTERM to the group, waits `grace` ms, sends SIGKILL to what is left, and verifies that all are dead.
   *
   * @throws {UnexpectedExitError} {AlreadyExitedError} if it had exited before; what was left of its tree is ended.
   * @example
   * await server.terminate({ grace: 2000 })
   */
  terminate(options?: { grace?: number }): Promise<Exit>
  /**
   * Sends SIGKILL to the group and to every descendant that left it. Resolves once the whole tree is proven dead.
   *
   * @throws {UnexpectedExitError} {AlreadyExitedError} if it had exited before; what was left of its tree is ended.
   * @throws {ContainmentError} if something survived, or emptiness could not be proven.
   * @example
   * await parent.kill()
   */
  kill(): Promise<Exit>
  /**
   * Sends SIGKILL to the parent that the option `parent: 'throw-away'` gave it, and to nothing else: the program sees
   * what a server sees when its client dies. Its standard input ends, and nobody reads what it writes from then on
   * (EPIPE, SIGPIPE).
   *
   * @throws {ProctorError} without that option.
   * @throws {UnexpectedExitError} {AlreadyExitedError} once the program has exited.
   * @example
   * const server = run('node', ['server.mjs'], { parent: 'throw-away' })
   * await server.waitForOutput('ready')
   * await server.loseParent()
   * await expect(server).toBeDead()
   */
  loseParent(): Promise<void>
}

/** What a person would see on the terminal now. */
export interface Screen {
  /** All rows, each padded with spaces to the terminal's width, joined by newlines. */
  readonly text: string
  /** The same text, without white space at the end of each row and at the bottom. */
  readonly stripped: string
  /** Counted from 0, beginning at the top left. */
  readonly cursor: { readonly row: number; readonly column: number }
  /** Its width, in characters. */
  readonly columns: number
  /** Its height, in lines. */
  readonly rows: number
  /**
   * A picture of the screen, with colours and cursor.
   *
   * @example
   * await writeFile('screen.svg', editor.screen.toSVG())
   */
  toSVG(): string
}
