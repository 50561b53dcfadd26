import { escapeControls } from '../base/escape.js'
import { alignTree } from '../base/table.js'
import { clip, count } from '../base/words.js'
import type { ContainmentLevel } from '../containment/containment.js'

// The findings of `proctor run`: first as data (`--json`), then as text.

/** A process that the command left, or that was alive when it was ended. */
export interface RunFinding {
  readonly pid: number
  readonly ppid: number
  readonly command: string
  readonly place: 'in the group' | 'left the group' | 'left the group (own session)'
  /** ms that it had been running when it was found. */
  readonly ranMs: number
  /** What ended it, or why it lives on. */
  readonly outcome: string
}

export interface RunReport {
  readonly command: string
  /** `null` if a signal ended it. */
  readonly exitCode: number | null
  readonly exitSignal: NodeJS.Signals | null
  readonly durationMs: number
  /** Why it was ended, if it did not exit by itself. */
  readonly endedBy: 'itself' | 'timeout' | 'force'
  /** How it was proven that nothing is left. */
  readonly containment: ContainmentLevel
  /** The processes that outlived it, or were alive when it was ended. */
  readonly left: readonly RunFinding[]
  /** The processes that were allowed to live on. */
  readonly allowed: readonly RunFinding[]
  /** How many of `left` are still alive: after SIGKILL, or because nothing was to be ended. */
  readonly alive: number
}

function describeExit({ exitCode, exitSignal, durationMs, endedBy }: RunReport): string {
  if (endedBy === 'timeout') return `timed out after ${durationMs} ms`
  const how = exitSignal === null ? `exited ${exitCode}` : `ended by ${exitSignal}`
  return `${how} after ${durationMs} ms`
}

interface Row {
  readonly branch: string
  readonly finding: RunFinding
}

/** Depth first, each with the tree's lines before it. */
function rowsOf(findings: readonly RunFinding[], parents: readonly RunFinding[], indent: string): Row[] {
  return parents.flatMap((finding, index) => {
    const isLast = index === parents.length - 1
    const children = findings.filter(({ ppid }) => ppid === finding.pid)
    const row = { branch: `${indent}${isLast ? '└─' : '├─'}`, finding }
    return [row, ...rowsOf(findings, children, `${indent}${isLast ? '   ' : '│  '}`)]
  })
}

function toRows(findings: readonly RunFinding[]): Row[] {
  const pids = new Set(findings.map(({ pid }) => pid))
  return rowsOf(
    findings,
    findings.filter(({ ppid }) => !pids.has(ppid)),
    '',
  )
}

function headline({ left, alive, endedBy, command }: RunReport, isReport: boolean): string {
  const what = `\`${escapeControls(clip(command))}\``
  const survivors = alive > 0 && !isReport ? `, and ${count(alive)} could not be ended` : ''
  const others = left.length === 0 ? '' : `, and ${count(left.length)} with it`
  if (endedBy === 'timeout') return `${what} timed out and was ended${others}${survivors}`
  if (endedBy === 'force') return `${what} was ended by force${others}${survivors}`
  if (isReport) return `${count(left.length)} outlived ${what} and ${left.length === 1 ? 'is' : 'are'} left alone`
  return `${count(left.length)} outlived ${what} and ${left.length === 1 ? 'was' : 'were'} ended${survivors}`
}

/** The text for a person. */
export function formatReport(report: RunReport, isReport: boolean): string {
  const rows = toRows(report.left).map(({ branch, finding }) => [
    `${branch} ${finding.pid} ${escapeControls(clip(finding.command))}`,
    finding.place,
    `ran ${finding.ranMs} ms`,
    finding.outcome,
  ])
  const lines = alignTree([escapeControls(clip(report.command)), describeExit(report), '', ''], rows)
  return [`proctor: ${headline(report, isReport)}`, ...(report.left.length === 0 ? [] : ['', ...lines]), ''].join('\n')
}
