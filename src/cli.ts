#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { findAbandonedWorkspaces, removeAbandonedWorkspaces } from './workspace/abandoned.js'
import { describeLeft } from './workspace/removal.js'
import { escapeControls } from './base/escape.js'
import { wallClock } from './base/clock.js'
import { findProcesses, type MarkedProcess, sweep } from './guardian/sweep.js'
import { readAbandonedRecords } from './workspace/record.js'

const help = `proctor: what test runs left on this machine

Usage
  proctor run     run a command, end and name what it leaves: proctor run --help
  proctor ps      list processes that run under proctor although their test worker is gone,
                  and workspaces that nobody owns any more
  proctor sweep   kill the processes and remove the workspaces

Options
  --json          for machines
  -h, --help      this text
  --version       its version

Exit codes
  0   nothing was there; after sweep: nothing is left
  1   ps: something is there. sweep: something could not be ended
  2   the command line is wrong

Only what carries proctor's mark, made by this user since this boot in this pid namespace,
is looked at. Processes of a test run that still goes on are never touched.
`

/** ms in which everything must be dead. */
const sweepTimeout = 5000

interface Line {
  readonly pid: number
  readonly command: string
  readonly ranMs: number
  /** The test worker that started it, which is gone. */
  readonly owner: number
}

const toLine = ({ pid, command, startedAt, owner }: MarkedProcess): Line => ({
  pid,
  command,
  ranMs: Math.max(0, Math.round(wallClock() - startedAt.getTime())),
  owner: owner.pid,
})

function print(lines: readonly (readonly string[])[]): void {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  for (const line of lines) {
    process.stdout.write(
      `${line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}

const table = (lines: readonly Line[], outcome?: string): string[][] =>
  lines.map(({ pid, command, ranMs, owner }) => [
    String(pid),
    `${(ranMs / 1000).toFixed(1)} s`,
    `worker ${owner}`,
    ...(outcome === undefined ? [] : [outcome]),
    escapeControls(command),
  ])

async function ps(isJson: boolean): Promise<number> {
  const records = readAbandonedRecords()
  const [processes, workspaces] = [await findProcesses(records), findAbandonedWorkspaces(records)]
  const lines = processes.map(toLine)
  if (isJson) process.stdout.write(`${JSON.stringify({ processes: lines, workspaces }, null, 2)}\n`)
  else {
    if (lines.length > 0) print([['PID', 'RAN', 'OWNER (gone)', 'COMMAND'], ...table(lines)])
    for (const path of workspaces) process.stdout.write(`workspace ${escapeControls(path)}\n`)
  }
  return lines.length + workspaces.length === 0 ? 0 : 1
}

async function sweepAll(isJson: boolean): Promise<number> {
  const records = readAbandonedRecords()
  const outcome = await sweep(() => findProcesses(records), sweepTimeout)
  // What still runs may be in them, and is found by its record alone.
  const ended = records.filter(({ owner }) => !outcome.left.some((each) => each.owner.pid === owner.pid))
  const { removed: workspaces, left: stays } = await removeAbandonedWorkspaces(ended)
  const abandoned = findAbandonedWorkspaces()
  const [killed, left] = [outcome.ended.map(toLine), outcome.left.map(toLine)]
  if (isJson) {
    const result = { ended: killed, left, removedWorkspaces: workspaces, leftWorkspaces: abandoned }
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  } else {
    const rows = [...table(killed, 'killed'), ...table(left, 'could not be killed')]
    if (rows.length > 0) print([['PID', 'RAN', 'OWNER (gone)', 'OUTCOME', 'COMMAND'], ...rows])
    for (const path of workspaces) process.stdout.write(`removed ${escapeControls(path)}\n`)
    for (const path of abandoned) {
      const own = stays.filter((each) => each.path === path || each.path.startsWith(`${path}/`))
      const why = own.length === 0 ? '' : `: ${describeLeft(own, path)}`
      process.stdout.write(`could not remove ${escapeControls(path + why)}\n`)
    }
  }
  return left.length + abandoned.length === 0 ? 0 : 1
}

async function main(parameters: readonly string[]): Promise<number> {
  if (parameters.includes('--help') || parameters.includes('-h')) {
    process.stdout.write(help)
    return 0
  }
  if (parameters.includes('--version')) {
    const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
    const { version } = JSON.parse(text) as { version: string }
    process.stdout.write(`${version}\n`)
    return 0
  }
  const unknown = parameters.find((parameter) => parameter.startsWith('-') && parameter !== '--json')
  const [command, ...rest] = parameters.filter((parameter) => !parameter.startsWith('-'))
  const isJson = parameters.includes('--json')
  if (unknown === undefined && rest.length === 0) {
    if (command === 'ps') return ps(isJson)
    if (command === 'sweep') return sweepAll(isJson)
  }
  const wrong = unknown ?? rest[0] ?? command
  const reason = wrong === undefined ? 'A command is missing.' : `Unknown: ${escapeControls(wrong)}.`
  process.stderr.write(
    `proctor: ${reason} Accepted are \`proctor run\`, \`proctor ps\` and \`proctor sweep\`, with --json or --help.\n`,
  )
  return 2
}

// It is loaded alone: what it needs, ps and sweep do not, and its command does not wait for them.
if (process.argv[2] === 'run') await (await import('./supervisor/main.js')).main(process.argv.slice(3))
process.exitCode = await main(process.argv.slice(2))
