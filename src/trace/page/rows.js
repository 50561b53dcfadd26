import { duration, element, shortCommand } from './dom.js'
import { fate } from './paint.js'

// The rows of the timeline, in words.

const isLeft = ({ leftAt }) => leftAt !== undefined

/** The rows: what the test waited for, then the processes. */
export function rowsOf(model) {
  const lanes = Array.from({ length: model.lanes }, (_, lane) => ({
    kind: 'waits',
    lane,
    waits: model.waits.filter((wait) => wait.lane === lane),
  }))
  return [...lanes, ...model.processes.map((process) => ({ kind: 'process', process }))]
}

function badges(process, model) {
  const made = []
  if (process.finding !== undefined && !process.finding.outcome.startsWith('allowed')) {
    made.push(
      element('span', {
        class: 'badge bad',
        text: process.finding.place === 'killed by the guardian' ? 'guardian' : 'leaked',
      }),
    )
  }
  if (isLeft(process)) made.push(element('span', { class: 'badge left', text: 'left the group' }))
  else if (process.orphanedAt !== undefined) made.push(element('span', { class: 'badge', text: 'orphan' }))
  const { exit } = model.commands.find(({ number }) => number === process.c) ?? {}
  if (process.isLeader && exit?.code > 0) made.push(element('span', { class: 'badge bad', text: `exit ${exit.code}` }))
  return made
}

/** One process in words. */
export function inWords(process, model) {
  const last = process.commands.at(-1).command
  const parts = [`${process.pid} ${last}`, `started at ${duration(process.start)}`]
  parts.push(process.end === undefined ? 'alive at the end' : `ended at ${duration(process.end)}`)
  if (isLeft(process)) parts.push(`left the group at ${duration(process.leftAt)}`)
  if (process.orphanedAt !== undefined) parts.push(`its parent ended at ${duration(process.orphanedAt)}`)
  const { text } = fate(process, model)
  if (text !== '') parts.push(text)
  return parts.join(', ')
}

/** The name of a row. */
export function labelOf(rows, index, space, { model, isSelected }) {
  const row = rows[index]
  const isTest = row.kind === 'waits'
  const { process } = row
  const name = isTest
    ? [element('span', { class: 'name', text: row.lane === 0 ? 'the test waits' : '' })]
    : [
        element('span', { class: 'pid', text: String(process.pid) }),
        element('span', {
          class: 'name',
          text: shortCommand(process.commands.at(-1).command),
          title: process.commands.at(-1).command,
        }),
        ...badges(process, model),
      ]
  const made = element(
    'div',
    {
      class: `label${isTest ? ' test' : ''}${process?.isLeader ? ' leader' : ''}`,
      id: `row-${index}`,
      role: 'option',
      'aria-posinset': String(index + 1),
      'aria-setsize': String(rows.length),
      'aria-selected': String(isSelected),
      'aria-label': isTest
        ? `the test waits: ${row.waits.map(({ what }) => what).join(', ')}`
        : inWords(process, model),
    },
    ...name,
  )
  made.style.top = `${index * space.row}px`
  if (!space.isNarrow) made.style.width = `${space.label}px`
  made.style.height = `${space.isNarrow ? 22 : space.row}px`
  made.style.paddingLeft = `${10 + Math.min(process?.depth ?? 0, 10) * (space.isNarrow ? 10 : 14)}px`
  return made
}
