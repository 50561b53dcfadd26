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
  /** Both, in the order in which they were read. */
  readonly output: string
  /** Milliseconds from the start to the exit. */
  readonly durationMs: number
  /** What it used, with everything that it started: with the option `usage`, on Linux. */
  readonly usage?: Usage
}

export interface OutputWaitOptions extends WaitOptions {
  /** Where to look. Default `output`: both streams. */
  readonly stream?: OutputStream | 'output'
  /** Look only at what came after this mark. */
  readonly since?: OutputMark
}

/** A running or ended command. It is no promise: `await` the call that says what to wait for. */
export interface Process extends AsyncDisposable {
  /** The command as a shell would show it. */
  readonly command: string
  /** undefined once it has exited: the number may be another's by then. */
  readonly pid: number | undefined
  /** Turns false, with `exitCode`, `exitSignal` and `pid`, after the exit and at most 100 ms for the output's rest. */
  readonly running: boolean
  /** null while it runs, and when a signal ended it. */
  readonly exitCode: number | null
  /** The signal that ended it; null while it runs, and when it exited by itself. */
  readonly exitSignal: NodeJS.Signals | null
  /** stdout and stderr in the order in which they were read. */
  readonly output: string
  /** What it has written to standard output so far. */
  readonly stdout: string
  /** What it has written to standard error so far. */
  readonly stderr: string
  /** The process group that it leads: to signal every member, or to see who is in it. */
  readonly group: ProcessGroup
  /**
   * All that is alive of it: the leader, its group, and what has left the group. Zombies are not.
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
   * Waits until the output matches. Text that is already there counts. It matches as it was written, or as a person
   * reads it: without colours and other escape sequences, in a terminal with the line ends that the program wrote.
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
   * Waits for the exit, whatever the code.
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
   * Waits until a process of this command's own tree listens on a TCP port, or on a unix socket (a path, relative to
   * the command's cwd; `@name` when it is abstract). A daemon's starter may have exited meanwhile.
   *
   * @returns the port; without an argument the one that was opened first. Of a unix socket its path.
   * @throws {PortInUseError} at once when a stranger listens there; it names the stranger.
   * @throws {WaitTimeoutError} after `timeout` ms, by default the fixture's `waitTimeout`.
   * @throws {UnexpectedExitError} {AlreadyExitedError} when nothing of the tree is left.
   * @example
   * const port = await run('node', ['server.mjs']).waitForPort()
   */
  waitForPort(port?: number, options?: WaitOptions): Promise<number>
  waitForPort(path: string, options?: WaitOptions): Promise<string>
  /**
   * Waits until this command's own tree answers over HTTP: a path is asked for on the port that it opens.
   *
   * @throws {WaitTimeoutError} after `timeout` ms; its message ends with the last answer.
   * @throws {PortInUseError} {UnexpectedExitError} {AlreadyExitedError} as `waitForPort`.
   * @example
   * const { body } = await server.waitForHttp('/health', { status: 200 })
   */
  waitForHttp(url: string | URL, options?: HttpWaitOptions): Promise<HttpAnswer>
  /**
   * Output and end so far, fit for a snapshot: workspace, pids, ports, durations and escape sequences become words.
   * Standard error follows behind standard output, and any exit but 0 behind both. It counts as a look at the exit.
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
   * Signals the leader alone, e.g. SIGHUP to make a daemon reload. Throws at once when it has exited.
   *
   * @example
   * daemon.signal('SIGHUP')
   */
  signal(signal: NodeJS.Signals): void
  /**
   * SIGTERM to the group, `grace` ms, SIGKILL to what is left, verify.
   *
   * @throws {UnexpectedExitError} {AlreadyExitedError} when it had exited before; what was left of its tree is ended.
   * @example
   * await server.terminate({ grace: 2000 })
   */
  terminate(options?: { grace?: number }): Promise<Exit>
  /**
   * SIGKILL to the group and to every descendant that left it. Resolves once the whole tree is proven dead.
   *
   * @throws {UnexpectedExitError} {AlreadyExitedError} when it had exited before; what was left of its tree is ended.
   * @throws {ContainmentError} when something survived, or emptiness could not be proven.
   * @example
   * await parent.kill()
   */
  kill(): Promise<Exit>
  /**
   * SIGKILLs the parent that the option `parent: 'throw-away'` gave it, and nothing else: what a server sees when its
   * client dies. Its standard input ends, and what it writes from then on nobody reads (EPIPE, SIGPIPE).
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

/** What a person would see on a terminal now. */
export interface Screen {
  /** All rows, each padded with spaces to the terminal's width, joined by newlines. */
  readonly text: string
  /** The same, the white space at the right of each row and at the bottom cut. */
  readonly stripped: string
  /** Counted from 0, from the left upper corner. */
  readonly cursor: { readonly row: number; readonly column: number }
  /** Its width, in characters. */
  readonly columns: number
  /** Its height, in lines. */
  readonly rows: number
  /**
   * A picture of it, with its colours and the cursor.
   *
   * @example
   * await writeFile('screen.svg', editor.screen.toSVG())
   */
  toSVG(): string
}
