import type { Site } from '../../format.js'
import { plain } from '../output/ansi.js'
import { element } from '../dom.js'
import type { TraceModel } from '../model/model.js'

/** A place in the form in which people write it. */
export const placeOf = ({ file, line }: Site): string => `${file}:${line}`

/** The lines around a call, with the call's own line marked. Undefined if the trace does not have them. */
export function sourceView(model: TraceModel, site: Site | undefined, around = 9): HTMLElement | undefined {
  if (site === undefined) return undefined
  const piece = model.sources.find(
    ({ file, from, lines }) => file === site.file && site.line >= from && site.line < from + lines.length,
  )
  if (piece === undefined) return undefined
  const first = Math.max(piece.from, site.line - around)
  const shown = piece.lines.slice(first - piece.from, site.line - piece.from + around + 1)
  const code = element('pre', {
    class: 'source scrolls',
    is: { tabindex: '0', 'aria-label': `Source, ${placeOf(site)}` },
  })
  code.append(
    ...shown.map((text, index) => {
      const isHere = first + index === site.line
      return element(
        'span',
        { class: `code${isHere ? ' here' : ''}`, is: { 'aria-current': isHere ? 'location' : undefined } },
        element('i', { text: String(first + index) }),
        `${plain(text)}\n`,
      )
    }),
  )
  return element('figure', { class: 'from' }, element('figcaption', { text: placeOf(site) }), code)
}
