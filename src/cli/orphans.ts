import { wallClock } from '../base/clock.js'
import { escapeControls } from '../base/escape.js'
import { alignColumns } from '../base/table.js'
import { findProcesses, type MarkedProcess, reasonAgainstJudging, sweep } from '../guardian/sweep.js'
import { findAbandonedWorkspaces, removeAbandonedWorkspaces } from '../workspace/abandoned.js'
import { removeAbandonedCoverage } from '../workspace/coverage-folder.js'
import { readAbandonedRecords, type WorkerRecord } from '../workspace/record.js'
import { describeLeft } from '../workspace/removal.js'

// `proctor ps` and `proctor sweep`: what runs under proctor although its test worker is gone.

interface Line {
  readonly pid: number
  readonly command: string
  readonly ranMs: number
  /** The pid of the test worker that started it, which has died. */
  readonly owner: number
}

const toLine = ({ pid, command, startedAt, owner }: MarkedProcess): Line => ({
  pid,
  command,
  ranMs: Math.max(0, Math.round(wallClock() - startedAt.getTime())),
  owner: owner.pid,
})

function print(lines: readonly (readonly string[])[]): void {
  const separators = lines[0]!.slice(1).map(() => '  ')
  process.stdout.write(`${alignColumns(lines, separators).join('\n')}\n`)
}

const table = (lines: readonly Line[], outcome?: string): string[][] =>
  lines.map(({ pid, command, ranMs, owner }) => [
    String(pid),
    `${(ranMs / 1000).toFixed(1)} s`,
    `worker ${owner}`,
    ...(outcome === undefined ? [] : [outcome]),
    escapeControls(command),
  ])

/** The records of dead workers, or the reason why there are none. */
function readRecords(): WorkerRecord[] | string {
  try {
    return reasonAgainstJudging() ?? readAbandonedRecords()
  } catch (error) {
    return (error as Error).message
  }
}

function refuse(reason: string): number {
  process.stderr.write(`proctor: Nothing can be told here. ${escapeControls(reason)}\n`)
  return 1
}

export async function ps(isJson: boolean): Promise<number> {
  const records = readRecords()
  if (typeof records === 'string') return refuse(records)
  const [processes, workspaces] = [await findProcesses(records), findAbandonedWorkspaces(records)]
  const lines = processes.map(toLine)
  if (isJson) process.stdout.write(`${JSON.stringify({ processes: lines, workspaces }, null, 2)}\n`)
  else {
    if (lines.length > 0) print([['PID', 'RAN', 'OWNER (gone)', 'COMMAND'], ...table(lines)])
    for (const path of workspaces) process.stdout.write(`workspace ${escapeControls(path)}\n`)
  }
  return lines.length + workspaces.length === 0 ? 0 : 1
}

export async function sweepAll(isJson: boolean): Promise<number> {
  const records = readRecords()
  if (typeof records === 'string') return refuse(records)
  const outcome = await sweep(() => findProcesses(records))
  // Records with something still running are kept, because it can only be found by its record.
  const ended = records.filter(({ owner }) => !outcome.left.some((each) => each.owner.pid === owner.pid))
  const { removed: workspaces, left: stays } = await removeAbandonedWorkspaces(ended)
  removeAbandonedCoverage()
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
