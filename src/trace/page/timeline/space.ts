import { lineHeight, lineHeightNarrow } from './paint.js'

/** How the width of the time line is divided. */
export interface Space {
  readonly width: number
  readonly isNarrow: boolean
  /** The width of the names. */
  readonly label: number
  /** The height of a row. */
  readonly row: number
  /** Where the times in view begin and end. */
  readonly left: number
  readonly right: number
}

export function measure(scroller: HTMLElement): Space {
  const width = scroller.clientWidth
  const isNarrow = width < 640
  const label = isNarrow ? 0 : Math.round(Math.min(400, Math.max(200, width * 0.3)))
  return {
    width,
    isNarrow,
    label,
    row: isNarrow ? lineHeightNarrow : lineHeight,
    left: label + 10,
    right: width - 12,
  }
}
