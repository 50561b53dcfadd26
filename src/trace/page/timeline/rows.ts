import { element } from '../dom.js'
import { type Action, commandOf, fate, isLeak, lastCommand, type Process, type TraceModel } from '../model/model.js'
import type { Space } from './space.js'
import { duration, shortCommand } from '../words.js'

// The rows of the time line in words.

/** A row: a lane of the test's actions, or a process. */
export type Row =
  | { readonly kind: 'test'; readonly lane: number; readonly actions: readonly Action[] }
  | { readonly kind: 'process'; readonly process: Process }

/** The lanes of the test's actions, then the processes. */
export function rowsOf(model: TraceModel): Row[] {
  const lanes = Array.from({ length: model.lanes }, (_, lane): Row => {
    const actions = model.actions.filter((action) => (action.lane ?? 0) === lane)
    return { kind: 'test', lane, actions }
  })
  return [...lanes, ...model.processes.map((process): Row => ({ kind: 'process', process }))]
}

const badge = (text: string, classes = ''): HTMLElement => element('span', { class: `badge ${classes}`.trim(), text })

function badges(process: Process, model: TraceModel): HTMLElement[] {
  const made: HTMLElement[] = []
  if (process.finding?.place === 'killed by the guardian') made.push(badge('guardian', 'bad'))
  if (isLeak(process)) made.push(badge('leaked', 'bad'))
  if (process.leftAt !== undefined) made.push(badge('left the group', 'left'))
  else if (process.orphanedAt !== undefined) made.push(badge('orphan'))
  const code = process.isLeader ? commandOf(model, process.c)?.exit?.code : undefined
  if (typeof code === 'number' && code > 0) made.push(badge(`exit ${code}`, 'bad'))
  return made
}

/** One process in words. */
export function inWords(process: Process, model: TraceModel): string[] {
  const parts = [`${process.pid} ${lastCommand(process)}`, `started at ${duration(process.start)}`]
  parts.push(process.end === undefined ? 'alive at the end' : `ended at ${duration(process.end)}`)
  if (process.leftAt !== undefined) parts.push(`left the group at ${duration(process.leftAt)}`)
  if (process.orphanedAt !== undefined) parts.push(`its parent ended at ${duration(process.orphanedAt)}`)
  for (const { port, t } of process.ports) parts.push(`opened port ${port} at ${duration(t)}`)
  const { text } = fate(process, model)
  if (text !== '') parts.push(text)
  return parts
}

/** How many letters at the end of a name always remain. If there is no room for all of it, the middle is cut. */
const tailLength = 14

function name(text: string, title: string): HTMLElement {
  if (text.length <= tailLength + 6) return element('span', { class: 'name', text, title })
  return element(
    'span',
    { class: 'name', title },
    element('span', { class: 'head', text: text.slice(0, -tailLength) }),
    element('span', { class: 'tail', text: text.slice(-tailLength) }),
  )
}

/** The name of a row. */
export function labelOf(
  rows: readonly Row[],
  index: number,
  space: Space,
  { model, isSelected }: { readonly model: TraceModel; readonly isSelected: boolean },
): HTMLElement {
  const row = rows[index]!
  const process = row.kind === 'process' ? row.process : undefined
  const command = process === undefined ? '' : lastCommand(process)
  const label =
    row.kind === 'test'
      ? [element('span', { class: 'name', text: row.lane === 0 ? 'the test' : '' })]
      : [
          element('span', { class: 'pid', text: String(row.process.pid) }),
          name(shortCommand(command, model.meta.workspace), command),
          ...badges(row.process, model),
        ]
  const words = row.kind === 'test' ? testInWords(row.actions) : inWords(row.process, model).join(', ')
  const made = element(
    'div',
    {
      class: `label ${row.kind}${process?.isLeader ? ' leader' : ''}`,
      is: {
        id: `row-${index}`,
        role: 'option',
        'aria-posinset': String(index + 1),
        'aria-setsize': String(rows.length),
        'aria-selected': String(isSelected),
        'aria-label': words,
      },
    },
    ...label,
  )
  made.style.top = `${index * space.row}px`
  if (!space.isNarrow) made.style.width = `${space.label}px`
  made.style.height = `${space.isNarrow ? 22 : space.row}px`
  made.style.paddingLeft = `${10 + Math.min(process?.depth ?? 0, 10) * (space.isNarrow ? 10 : 14)}px`
  return made
}

const testInWords = (actions: readonly Action[]): string =>
  `the test: ${actions.map(({ what, error }) => `${what}${error === undefined ? '' : ` (${error})`}`).join(', ')}`
