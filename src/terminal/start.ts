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

// The sole user of @lydell/node-pty, which is loaded with the first terminal. It makes the program the leader of a
// session, and so of a group, whose controlling terminal is the pseudo-terminal: pty(7).

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

const sizeRules: Rules<TerminalSize> = { columns: wholeNumber(2, 1000), rows: wholeNumber(1, 1000) }

export const checkSize = (caller: string, size: unknown): void => checkOptions(caller, size, sizeRules)

/** ms that a child gets to lead its session. It takes a tenth of one. */
const patience = 2000
/** ms that it then gets to open its terminal, which is its next step: a program may have let go of it again. */
const patienceForTerminal = 100

const isAnotherTerminals = matcherOf([ofAnotherTerminal])

/**
 * The environment of a command in a terminal, less what is true of another one.
 *
 * @param own what the test asked for, which stays.
 */
export function terminalEnvironment(env: NodeJS.ProcessEnv, own: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const isTold = (name: string): boolean => Object.hasOwn(own, name)
  const kept = Object.entries(env).filter(([name]) => isTold(name) || !isAnotherTerminals(name))
  const result: NodeJS.ProcessEnv = Object.fromEntries(kept)
  if (!isTold('TERM')) result['TERM'] = 'xterm-256color'
  // What is written is read as UTF-8: where nothing says what the locale is, a program would write something else.
  const isLocaleKnown = ['LC_ALL', 'LC_CTYPE', 'LANG'].some((name) => isTold(name) || result[name] !== undefined)
  return isLocaleKnown ? result : { ...result, LC_CTYPE: process.platform === 'darwin' ? 'UTF-8' : 'C.UTF-8' }
}

/**
 * Starts a program in a pseudo-terminal.
 *
 * @returns the running program, or the promise of the reason why it could not be started.
 * @throws {MissingDependencyError} where node-pty is not to be had.
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
 * node-pty returns from fork(2), and the child has yet to call setsid(2): until it leads its group a signal to the group
 * reaches nobody, and it looks like one of the test runner's own processes. Until the terminal is its own too
 * (TIOCSCTTY, the step behind that), Ctrl+C interrupts nobody: tty_ioctl(4).
 *
 * @returns nothing when it has exited already and is gone from the table: what it left behind is younger than `earliest`.
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
