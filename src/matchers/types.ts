import type { Screen } from '../command/process.js'
import type { MatcherOptions } from './support.js'
import type { UsageLimits } from './usage.js'

/** The matchers of an assertion. They are all async: await them. */
export interface ProctorMatchers {
  /**
   * The process, the whole tree of a command, or the holder of a pid file is dead. Retries until `timeout` ms.
   *
   * @example
   * await expect(parent).toBeDead('child.pid')
   */
  toBeDead(pidFile?: string | MatcherOptions, options?: MatcherOptions): Promise<void>
  /** The opposite. For a command: its leader runs. */
  toBeAlive(pidFile?: string | MatcherOptions, options?: MatcherOptions): Promise<void>
  /**
   * Nobody listens on this TCP port of the machine, on any address. Retries until `timeout` ms.
   *
   * @example
   * await server.terminate()
   * await expect(port).toBeFree()
   */
  toBeFree(options?: MatcherOptions): Promise<void>
  /**
   * The output so far contains the text or matches. Retries until `timeout` ms.
   *
   * @example
   * await expect(server).toHaveOutput(/listening on \d+/)
   */
  toHaveOutput(expected: string | RegExp, options?: MatcherOptions): Promise<void>
  /**
   * The text, a match of the regular expression, or what a function accepts is on the terminal's screen now. Retries
   * until `timeout` ms.
   *
   * @example
   * await expect(editor).toHaveScreen('-- INSERT --')
   */
  toHaveScreen(expected: string | RegExp | ((screen: Screen) => boolean), options?: MatcherOptions): Promise<void>
  /**
   * The screen, once something is on it and nothing changes any more, equals the snapshot stored beside the tests: its
   * text, without white space at the right and at the bottom.
   *
   * @example
   * await menu.waitForScreen('Choose')
   * await expect(menu).toMatchScreenSnapshot()
   */
  toMatchScreenSnapshot(name?: string, options?: MatcherOptions): Promise<void>
  /** The same with the snapshot in the test, where Vitest writes it. Retries until the screen equals it. */
  toMatchScreenInlineSnapshot(snapshot?: string, options?: MatcherOptions): Promise<void>
  /**
   * The workspace, as `workspace.snapshot()` shows it, equals the snapshot stored beside the tests.
   *
   * @example
   * await run('npm', ['init', '-y']).waitForSuccessfulExit()
   * await expect(workspace).toMatchWorkspaceSnapshot()
   */
  toMatchWorkspaceSnapshot(name?: string): Promise<void>
  /** The same with the snapshot in the test, where Vitest writes it. Retries until the workspace equals it. */
  toMatchWorkspaceInlineSnapshot(snapshot?: string, options?: MatcherOptions): Promise<void>
  /**
   * It exited with this code or signal. Waits for the exit and marks it as seen.
   *
   * @example
   * await expect(run('node', ['-e', 'process.exit(3)'])).toHaveExitedWith(3)
   */
  toHaveExitedWith(expected: number | NodeJS.Signals, options?: MatcherOptions): Promise<void>
  /**
   * It has used less than this, together with everything that it started. Waits for the exit and marks it as seen. The
   * command needs the option `usage`.
   *
   * @example
   * await expect(run('node', [cli], { usage: true })).toUseLessThan({ memory: '64 MB', cpu: 2000 })
   */
  toUseLessThan(limits: UsageLimits, options?: MatcherOptions): Promise<void>
  /**
   * The function or promise rejects with `UnexpectedExitError`, and with this output. Evaluated once.
   *
   * @example
   * await expect(() => p.kill()).toThrowUnexpectedExit('I got to the end!')
   */
  toThrowUnexpectedExit(output?: string | RegExp): Promise<void>
  /** The same with `AlreadyExitedError`. */
  toThrowAlreadyExited(output?: string | RegExp): Promise<void>
  /** The same with `FailedExitError`. */
  toThrowFailedExit(output?: string | RegExp): Promise<void>
}
