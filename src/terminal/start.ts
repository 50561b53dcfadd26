import { checkOptions, type Rules, wholeNumber } from '../base/check.js'
import type { spawn as Spawn } from '@lydell/node-pty'
import type { SpawnError } from '../base/errors.js'
import { startMarked } from '../containment/locks-mark.js'
import { now, pause } from '../base/clock.js'
import { table } from '../system/process-table/current.js'
import { isZombie, type ProcessIdentity } from '../system/process-table/table.js'
import { closeOnExec } from '../worker/subreaper.js'
import { codeAgainst } from './preflight.js'
import { PseudoTerminal, type Pty } from './pseudo-terminal.js'
import { matcherOf, ofAnotherTerminal } from '../command/launch/environment.js'
import { programOf, type SpawnRequest } from '../command/launch/request.js'
import { explain } from '../command/launch/spawn-failure.js'
import { loadTerminalPackage } from './packages.js'

// The only user of @lydell/node-pty, which is loaded for the first terminal. node-pty makes the program the leader of a
// session, and so of a group, with the pseudo-terminal as its controlling terminal: see pty(7).

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

const sizeRules: Rules<TerminalSize> = { columns: wholeNumber(2, 1000), rows: wholeNumber(1, 1000) }

export const checkSize = (caller: string, size: unknown): void => checkOptions(caller, size, sizeRules)

/** ms within which a child must lead its session. It normally takes a tenth of a ms. */
const patience = 2000
/**
 * ms within which the child must then open its terminal, which is its next step. A program may have closed it again.
 */
const patienceForTerminal = 100

const isAnotherTerminals = matcherOf([ofAnotherTerminal])

/**
 * The environment of a command in a terminal, without what describes another terminal.
 *
 * @param own what the test has asked for, which stays.
 */
export function terminalEnvironment(env: NodeJS.ProcessEnv, own: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const isTold = (name: string): boolean => Object.hasOwn(own, name)
  const kept = Object.entries(env).filter(([name]) => isTold(name) || !isAnotherTerminals(name))
  const result: NodeJS.ProcessEnv = Object.fromEntries(kept)
  if (!isTold('TERM')) result['TERM'] = 'xterm-256color'
  // Output is decoded as UTF-8. If no variable set the locale, the program would write another encoding.
  const isLocaleKnown = ['LC_ALL', 'LC_CTYPE', 'LANG'].some((name) => isTold(name) || result[name] !== undefined)
  return isLocaleKnown ? result : { ...result, LC_CTYPE: process.platform === 'darwin' ? 'UTF-8' : 'C.UTF-8' }
}

/**
 * Starts a program in a pseudo-terminal.
 *
 * @returns the running program, or a promise of the reason why it could not be started.
 * @throws {MissingDependencyError} if node-pty is not available.
 */
export function startInTerminal(request: SpawnRequest, size: TerminalSize): PseudoTerminal | Promise<SpawnError> {
  const { spawn } = loadTerminalPackage<{ spawn: typeof Spawn }>('@lydell/node-pty')
  const code = codeAgainst(request)
  if (code !== undefined) return Promise.resolve(explain({ code, message: code }, request))
  const { file, args } = programOf(request)
  const earliest = table.startTimeNow()
  let pty: Pty
  try {
    const options = {
      name: request.env['TERM'] ?? '',
      cols: size.columns,
      rows: size.rows,
      cwd: request.cwd,
      env: request.env as Record<string, string>,
      encoding: null,
    }
    pty = startMarked(
      request.locks,
      () => spawn(file, args, options) as unknown as Pty,
      ({ pid }) => pid,
    )
  } catch (error) {
    return Promise.resolve(explain(error, request))
  }
  closeOnExec(pty.fd)
  return new PseudoTerminal(pty, awaitLeader(pty.pid) ?? { pid: pty.pid, startTime: earliest })
}

/**
 * Waits until the child leads its session. When node-pty returns from fork(2), the child has not called setsid(2) yet.
 * Until then, a signal to its group reaches nobody, and it looks like a process of the test runner. Until the terminal
 * is its controlling one, too (TIOCSCTTY, the next step), Ctrl+C interrupts nobody: see tty_ioctl(4).
 *
 * @returns undefined if it has already exited and is gone from the process table. What it left behind is younger than `earliest`.
 */
function awaitLeader(pid: number): ProcessIdentity | undefined {
  let deadline = now() + patience
  let leads = false
  for (;;) {
    const record = table.identify(pid)
    if (record === undefined) return undefined
    if (!leads && record.group === pid) {
      leads = true
      deadline = now() + patienceForTerminal
    }
    const isThere = leads && (record.hasTerminal || isZombie(record))
    if (isThere || now() > deadline) return { pid, startTime: record.startTime }
    pause(0.05)
  }
}
