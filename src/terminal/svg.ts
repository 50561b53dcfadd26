// Draws a picture of a terminal's screen. Pure: cells in, SVG out.

/** A character on the screen, and its looks. */
export interface Cell {
  readonly column: number
  /** How many columns it takes: 1 or 2. */
  readonly width: number
  /** Empty if nothing was ever written there. */
  readonly text: string
  /** An index into the palette of 256 colours, `#rrggbb`, or undefined for the terminal's own colour. */
  readonly foreground: number | string | undefined
  readonly background: number | string | undefined
  readonly isBold: boolean
  readonly isDim: boolean
  readonly isItalic: boolean
  readonly isUnderlined: boolean
  readonly isStruck: boolean
  readonly isInverse: boolean
  readonly isInvisible: boolean
}

const font = 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace'
// In pixels. In most monospaced fonts a character is 0.6 times as wide as its size.
const fontSize = 15
const cellWidth = 9
const cellHeight = 18
const baseline = 14
const padding = 12

const paper = '#16181d'
const ink = '#d7dae0'
const cursorColour = '#e6c07b'
/** The first sixteen colours of the palette. The others are a cube of six levels, and greys. */
const basicColours =
  '#3b4048 #e06c75 #7fb069 #d9a441 #61a0ef #c678dd #4fb6c2 #c8ccd4 #6b7280 #ff7b86 #98d47f #f5c869 #84bcff #df9bf2 #74d7e2 #ffffff'.split(
    ' ',
  )

function toColour(value: number | string | undefined, own: string): string {
  if (value === undefined) return own
  if (typeof value === 'string') return value
  if (value < 16) return basicColours[value]!
  const level = (step: number): number => (step === 0 ? 0 : 55 + 40 * step)
  const cube = value - 16
  const parts =
    value < 232
      ? [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]
      : Array.from({ length: 3 }, () => 8 + 10 * (value - 232))
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

/** Removes characters that XML cannot contain, and escapes those that it would interpret. */
const escapeXML = (text: string): string =>
  text
    // oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for.
    .replaceAll(/[\0-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    // Vitest draws lines with this character, which most monospaced fonts lack. The replacement looks the same.
    .replaceAll('\u23af', '\u2500')

/** A cell with its final colours. */
interface Painted {
  readonly cell: Cell
  readonly fill: string
  readonly background: string
  /** Presentation attributes. Neighbours with equal ones are drawn together. */
  readonly style: string
}

function paint(cell: Cell, isUnderCursor: boolean): Painted {
  const own = [toColour(cell.foreground, ink), toColour(cell.background, paper)] as const
  const [foreground, behind] = cell.isInverse ? [own[1], own[0]] : own
  const fill = isUnderCursor ? paper : cell.isInvisible ? behind : foreground
  const lines = [cell.isUnderlined ? 'underline' : '', cell.isStruck ? 'line-through' : ''].filter(
    (line) => line !== '',
  )
  const style = [
    fill === ink ? '' : ` fill="${fill}"`,
    cell.isBold ? ' font-weight="bold"' : '',
    cell.isItalic ? ' font-style="italic"' : '',
    cell.isDim ? ' fill-opacity="0.6"' : '',
    lines.length > 0 ? ` text-decoration="${lines.join(' ')}"` : '',
  ].join('')
  return { cell, fill, background: isUnderCursor ? cursorColour : behind, style }
}

const isPlain = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

interface Run {
  readonly start: number
  end: number
  text: string
  readonly key: string
}

/**
 * Groups neighbours that are drawn together. A character outside of ASCII is drawn alone, because the font may take it
 * from another font, with another width.
 */
function runsOf(painted: readonly Painted[], keyOf: (each: Painted) => string | undefined): Run[] {
  const runs: Run[] = []
  for (const each of painted) {
    const key = keyOf(each)
    if (key === undefined) continue
    const { column, width } = each.cell
    const text = each.cell.text === '' ? ' ' : each.cell.text
    const last = runs.at(-1)
    if (last !== undefined && last.key === key && last.end === column && isPlain(text) && isPlain(last.text)) {
      last.end = column + width
      last.text += text
    } else runs.push({ start: column, end: column + width, text, key })
  }
  return runs
}

const blanks = (text: string): number => text.length - text.trimStart().length

/**
 * Cuts blanks at the ends of a run, and makes the others non-breaking: a browser drops and collapses normal ones, and
 * stretches the rest to `textLength`. `white-space` does not help, because Chromium's own style sheet resets it on
 * every text element. Blanks that are underlined or struck through are visible, and stay.
 */
function holdBlanks({ start, end, text, key }: Run): Run {
  if (!isPlain(text)) return { start, end, text, key }
  const isDrawn = key.includes('text-decoration')
  const first = isDrawn ? 0 : blanks(text)
  const kept = isDrawn ? text : text.trim()
  return { start: start + first, end: start + first + kept.length, text: kept.replaceAll(' ', '\u00a0'), key }
}

const x = (column: number): number => padding + column * cellWidth

function drawRow(row: number, painted: readonly Painted[]): string {
  const top = padding + row * cellHeight
  const blocks = mergeBlocks(painted).map(
    ({ start, end, key }) =>
      `<rect x="${x(start)}" y="${top}" width="${(end - start) * cellWidth}" height="${cellHeight}" fill="${key}"/>`,
  )
  const isSeen = ({ cell, style }: Painted): boolean => cell.text.trim() !== '' || style.includes('text-decoration')
  const first = painted.findIndex(isSeen)
  const last = painted.findLastIndex(isSeen)
  const texts = runsOf(first < 0 ? [] : painted.slice(first, last + 1), ({ style }) => style)
    .map(holdBlanks)
    .filter(({ text }) => text !== '')
    .map(
      ({ start, end, text, key }) =>
        `<text x="${x(start)}" y="${top + baseline}" textLength="${(end - start) * cellWidth}" lengthAdjust="spacingAndGlyphs"${key}>${escapeXML(text)}</text>`,
    )
  return [...blocks, ...texts].join('')
}

/** The backgrounds that differ from that of the whole screen. */
function mergeBlocks(painted: readonly Painted[]): Run[] {
  const runs: Run[] = []
  for (const { background, cell } of painted) {
    const last = runs.at(-1)
    if (background === paper) continue
    if (last?.key === background && last.end === cell.column) last.end += cell.width
    else runs.push({ start: cell.column, end: cell.column + cell.width, text: '', key: background })
  }
  return runs
}

/** Draws a screen. `cursor` is its position, unless it is hidden. */
export function drawSVG(
  rows: readonly (readonly Cell[])[],
  columns: number,
  cursor: { readonly row: number; readonly column: number } | undefined,
): string {
  const width = columns * cellWidth + 2 * padding
  const height = rows.length * cellHeight + 2 * padding
  const isUnderCursor = (row: number, { column, width: taken }: Cell): boolean =>
    cursor?.row === row && cursor.column >= column && cursor.column < column + taken
  const drawn = rows
    .map((cells, row) =>
      drawRow(
        row,
        cells.map((cell) => paint(cell, isUnderCursor(row, cell))),
      ),
    )
    .filter((text) => text !== '')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="${width}" height="${height}" rx="6" fill="${paper}"/>`,
    `<g font-family="${escapeXML(font)}" font-size="${fontSize}" fill="${ink}">`,
    ...drawn,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}
