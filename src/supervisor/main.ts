import { closeSync, openSync, writeSync } from 'node:fs'
import { escapeControls } from '../base/escape.js'
import { ProctorError } from '../base/errors.js'
import { quoteArgument } from '../base/command-line.js'
import { numberOf } from '../system/numbers.js'
import { dieOf } from '../system/signals.js'
import { formatReport, type RunReport } from './findings.js'
import type { RunTrace } from './run-trace.js'
import { commandLineOf, parseRequest, type RunRequest, UsageError } from './request.js'
import { StartError, supervise } from './supervise.js'
import { isOnPath } from '../system/on-path.js'

// `proctor run`: its messages, and its exit.

const help = `proctor run: a command, contained

Usage
  proctor run [options] -- COMMAND [ARGUMENT…]

Runs any command in this terminal, with these streams, and passes signals and its exit code on.
At its end everything that it left running is found, named on standard error, and ended.

Options
  --timeout TIME         end it after this time (500, 500ms, 30s, 2m, 1h): exit code 124
  --grace TIME           from SIGTERM to SIGKILL at the timeout. Default 1s
  --leak-timeout TIME    what is left gets this time to go by itself. Default 2s
  --leaks POLICY         fail: end and name it, exit code 1 where the command's was 0 (default)
                         warn: end and name it; kill: end it, say nothing
                         report: name it, and leave it alone
  --allow PATTERN…       command lines that may live on: a part of one, or /a regular expression/
  --json FILE            write what was found
  --trace FILE           write a page with every process over time
  --containment LEVEL    auto (default), strict (or fail), basic
  -h, --help             this text

Exit codes
  the command's own; its death by a signal is a death by that signal
  1     it exited with 0 and left something
  2     the command line is wrong
  124   it was ended at its timeout
  126   it cannot be executed
  127   there is no such command
`

/** Standard error may be closed, or full. */
function say(text: string): void {
  try {
    writeSync(2, text)
  } catch {
    // Nobody reads it.
  }
}

function startFailure({ message, code }: StartError, { command }: RunRequest): number {
  const what = escapeControls(quoteArgument(command))
  const isHidden = code === 'EACCES' && !command.includes('/') && !isOnPath(command, process.env['PATH'], process.cwd())
  const isMissing = code === 'ENOENT' || isHidden
  const reason = isMissing ? 'no such command' : code === 'EACCES' ? 'permission denied' : message
  say(`proctor: ${what}: ${reason}\n`)
  return isMissing ? 127 : 126
}

/** Opens the report before the command runs: afterwards it would be too late to say that it cannot be written. */
function openReport(path: string | undefined): number | undefined {
  if (path === undefined) return undefined
  try {
    return openSync(path, 'w')
  } catch (error) {
    throw new UsageError(
      `--json: ${escapeControls(path)} cannot be written (${(error as NodeJS.ErrnoException).code}).`,
    )
  }
}

function writeReport(file: number | undefined, report: RunReport): void {
  if (file === undefined) return
  try {
    writeSync(file, `${JSON.stringify(report, null, 2)}\n`)
    closeSync(file)
  } catch (error) {
    say(`proctor: --json: ${(error as Error).message}\n`)
  }
}

function isSaid({ left, endedBy, alive }: RunReport, { leaks }: RunRequest): boolean {
  if (endedBy !== 'itself' || alive > 0) return true
  return left.length > 0 && leaks !== 'kill'
}

function codeOf(report: RunReport, { leaks }: RunRequest): number | NodeJS.Signals {
  if (report.endedBy === 'timeout') return 124
  if (report.exitSignal !== null) return report.exitSignal
  const isBlamed = (leaks === 'fail' && report.left.length > 0) || (leaks === 'kill' && report.alive > 0)
  return report.exitCode === 0 && isBlamed ? 1 : (report.exitCode ?? 1)
}

/** Loaded on demand, because most runs have no trace. */
async function openTrace({ trace, ...request }: RunRequest): Promise<RunTrace | undefined> {
  if (trace === undefined) return undefined
  const { RunTrace: Opened } = await import('./run-trace.js')
  return new Opened(trace, commandLineOf({ trace, ...request }))
}

/** A trace that cannot be kept does not change the verdict of the run. */
function endTrace(trace: RunTrace | undefined, report: RunReport, hasFailed: boolean): void {
  try {
    trace?.end(report, hasFailed)
  } catch (error) {
    say(`proctor: --trace: ${escapeControls((error as Error).message)}\n`)
  }
}

async function run(request: RunRequest): Promise<number | NodeJS.Signals> {
  const file = openReport(request.json)
  const trace = await openTrace(request)
  try {
    const report = await supervise(request, trace)
    if (isSaid(report, request)) say(formatReport(report, request.leaks === 'report'))
    writeReport(file, report)
    const code = codeOf(report, request)
    endTrace(trace, report, code !== 0)
    return code
  } catch (error) {
    trace?.remove()
    if (error instanceof StartError) return startFailure(error, request)
    throw error
  }
}

function endWith(code: number | NodeJS.Signals): never {
  if (typeof code === 'string') {
    dieOf(code)
    process.exit(128 + numberOf(code))
  }
  process.exit(code)
}

/** Runs the command after `proctor run`, and ends this process as the command has ended. */
export async function main(parameters: readonly string[]): Promise<never> {
  const end = parameters.indexOf('--')
  const own = end === -1 ? parameters : parameters.slice(0, end)
  if (own.includes('--help') || own.includes('-h')) {
    process.stdout.write(help)
    process.exit(0)
  }
  try {
    return endWith(await run(parseRequest(parameters)))
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof ProctorError)) throw error
    say(`proctor: ${error.message}\n`)
    process.exit(2)
  }
}
