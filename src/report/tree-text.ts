import { wallClock } from '../base/clock.js'
import { escapeControls } from '../base/escape.js'
import { alignTree, branch, firstRows } from '../base/table.js'
import { shortCommands } from '../base/short-command.js'
import { count } from '../base/words.js'
import type { Member } from '../containment/tree.js'
import type { SweepOutcome } from '../guardian/sweep.js'
import { placeOf } from './findings.js'
import type { CommandReport, TeardownReport } from './teardown-report.js'

export function describeExit(command: CommandReport): string {
  if (!command.hasStarted) return 'could not be started'
  const how =
    command.exitSignal !== null
      ? `ended by ${command.exitSignal}`
      : command.exitCode === null
        ? 'still running'
        : `exited ${command.exitCode}`
  return `${how} after ${command.durationMs} ms`
}

/** The trees of the commands that the report has something to say about, with the end of their output. */
export function formatTrees(report: TeardownReport, workspace: string): string[] {
  return report.commands
    .filter((command) => command.leaked.length + command.survived.length > 0)
    .flatMap((command) => {
      const tree = formatTree(command, workspace)
      const output = formatOutput(command)
      return output === '' ? [tree] : [tree, output]
    })
}

function formatTree(command: CommandReport, workspace: string): string {
  const cwd = command.cwd.replace(workspace, '<workspace>')
  const findings = [...command.leaked, ...command.survived]
  const [title, ...names] = shortCommands([command.command, ...findings.map((each) => each.command)], workspace)
  const head = [title!, describeExit(command), `(cwd ${escapeControls(cwd)})`, '']
  const rows = findings.map((finding, index) => [
    `${branch(index, findings.length)} ${finding.pid} ${names[index]!}`,
    finding.place,
    `ran ${finding.ranMs} ms`,
    finding.outcome,
  ])
  return alignTree(head, rows, ['  ', ' ', '   ']).join('\n')
}

/** What a sweep found, as the lines of a tree. */
export function formatSweep({ ended, left }: SweepOutcome): string {
  const all = [...ended, ...left]
  const names = shortCommands(all.map(({ command }) => command))
  const rows = all.map((each, index) => {
    const outcome = left.includes(each) ? 'could not be killed' : 'SIGKILL'
    const ran = Math.max(0, Math.round(wallClock() - each.startedAt.getTime()))
    return `  ${branch(index, all.length)} ${each.pid} ${names[index]!}  ran ${ran} ms  ${outcome}`
  })
  const killed = left.length === 0 ? (all.length === 1 ? ' and was killed' : ' and were killed') : ''
  return [`proctor: ${count(all.length)} outlived the test run${killed}`, '', ...firstRows(rows)].join('\n')
}

/** Living processes as a tree, below their command. */
export function formatMembers(members: readonly Member[]): string {
  const names = shortCommands(
    members.map(({ command }) => command),
    members[0]?.tree.workspace,
  )
  const rows = members.map((member, index) => {
    const { pid } = member
    const found = pid === member.tree.identity.pid ? 'leader' : placeOf(member)
    const isWithLeader = found === 'left behind in the group' && member.tree.isHeld()
    const place = isWithLeader ? 'in the group' : found
    return `  ${branch(index, members.length)} ${pid} ${names[index]!}  ${place}  state ${member.state}`
  })
  return firstRows(rows).join('\n')
}

function formatOutput(command: CommandReport): string {
  const lines = command.screen?.split('\n') ?? command.lastOutput.map(({ text }) => text.replace(/\r$/, ''))
  if (lines.every((line) => line === '')) return ''
  return [
    `  last ${command.screen === undefined ? 'output' : 'screen'}`,
    ...lines.map((line) => `  │ ${escapeControls(line)}`.trimEnd()),
  ].join('\n')
}
