import type { Chart } from './chart.js'
import { $, element } from '../dom.js'
import { inWords } from './rows.js'
import { clock, duration } from '../words.js'

/** The text about a row at the mouse. */
function linesAt({ rows, model }: Chart, index: number, t: number): string[] {
  const row = rows[index]
  if (row === undefined) return []
  if (row.kind === 'process') return inWords(row.process, model)
  const action = row.actions.find(({ start, end = model.span, lane }) => lane !== undefined && t >= start && t <= end)
  if (action === undefined) return []
  const { what, start, end = model.span, error } = action
  return [what, duration(end - start), ...(error === undefined ? [] : [error])]
}

/** Shows or hides the text beside the mouse. */
export function showTip(
  chart: Chart,
  place: { readonly row: number; readonly t: number; readonly x: number; readonly y: number } | undefined,
): void {
  const tip = $('tip')
  const lines = place === undefined ? [] : linesAt(chart, place.row, place.t)
  tip.classList.toggle('is-shown', lines.length > 0)
  if (place === undefined || lines.length === 0) return
  tip.replaceChildren(
    ...lines.map((text, line) => element('div', { text, class: line === 0 ? 'strong' : '' })),
    element('div', { class: 'dim', text: `${clock(place.t)} s` }),
  )
  const { width, height } = tip.getBoundingClientRect()
  tip.style.left = `${Math.max(4, Math.min(place.x + 14, innerWidth - width - 8))}px`
  tip.style.top = `${place.y + 18 + height > innerHeight ? place.y - height - 10 : place.y + 18}px`
}
