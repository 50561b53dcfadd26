import { pieces, plain } from './ansi.js'
import { element } from '../dom.js'
import type { Line } from '../model/model.js'
import { matchesIn } from './search.js'
import { clock } from '../words.js'

/** How many characters of a very long line are shown. It is searched to its end. */
const mostShown = 10_000

const markers: Readonly<Record<Line['kind'], string>> = { stdout: '', stderr: 'err', event: '', input: 'in', fold: '▸' }

export const isOutput = ({ kind }: Line): boolean => kind === 'stdout' || kind === 'stderr'

/** The text of a row, with the search results marked. */
function marked({ kind, text: whole }: Line, pattern: RegExp | undefined): HTMLElement[] {
  const text = whole.length <= mostShown ? whole : `${whole.slice(0, mostShown)} …`
  if (kind !== 'stdout' && kind !== 'stderr') return [element('span', { text: plain(text) })]
  const matches = pattern === undefined ? [] : matchesIn(plain(text), pattern)
  if (matches.length === 0)
    return pieces(text).map((piece) => element('span', { text: piece.text, class: piece.classes }))
  const shown = plain(text)
  const made: HTMLElement[] = []
  let from = 0
  for (const [begin, end] of matches) {
    made.push(element('span', { text: shown.slice(from, begin) }), element('mark', { text: shown.slice(begin, end) }))
    from = end
  }
  made.push(element('span', { text: shown.slice(from) }))
  return made
}

/** How to show a line. */
export interface LineLook {
  readonly index: number
  readonly length: number
  readonly isCurrent: boolean
  /** Whether the line says which command it is from. */
  readonly isOfSeveral: boolean
  readonly pattern: RegExp | undefined
}

export function lineElement(row: Line, { index, length, isCurrent, isOfSeveral, pattern }: LineLook): HTMLElement {
  const made = element(
    'div',
    {
      class: ['line', row.kind, row.tone, isCurrent ? 'current' : ''].filter(Boolean).join(' '),
      is: { role: 'listitem', 'aria-posinset': String(index + 1), 'aria-setsize': String(length) },
    },
    element('span', { class: 'time', text: clock(row.t) }),
    isOfSeveral ? element('span', { class: 'of', text: row.c === 0 ? '' : String(row.c) }) : undefined,
    element('span', { class: 'kind', text: markers[row.kind], title: isOutput(row) ? row.kind : '' }),
    element('span', { class: 'text' }, ...marked(row, pattern)),
  )
  made.dataset['index'] = String(index)
  return made
}
