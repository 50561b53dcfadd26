// What drawing on a canvas needs: the style sheet's colours, sharpness, patterns, and texts that fit.

const names = [
  'text',
  'muted',
  'line',
  'grid',
  'panel',
  'bar',
  'bar-text',
  'left',
  'left-text',
  'bad',
  'good',
  'signal',
  'port',
  'stdout',
  'stderr',
  'wait',
  'cursor',
  'select',
  'link',
] as const

export type Colours = Readonly<Record<(typeof names)[number], string>>

/** The style sheet's colours, for the canvas. */
export function palette(): Colours {
  // A canvas does not know CSS variables, and a variable has one value for light and one for dark. So an element is
  // asked for the one in use.
  const probe = document.body.appendChild(document.createElement('i'))
  const entries = names.map((name) => {
    probe.style.color = `var(--${name})`
    return [name, getComputedStyle(probe).color] as const
  })
  probe.remove()
  return Object.fromEntries(entries) as Colours
}

/** What everything is drawn with. */
export interface Pen {
  readonly context: CanvasRenderingContext2D
  readonly colours: Colours
  /** A pattern of stripes. */
  readonly left: CanvasPattern | string
  readonly font: string
  readonly bold: string
}

/** Stripes mark what has left its group, so that the colour alone does not have to tell. */
function stripes(context: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const tile = document.createElement('canvas')
  tile.width = tile.height = 8
  const pen = tile.getContext('2d')!
  pen.fillStyle = colour
  pen.fillRect(0, 0, 8, 8)
  pen.strokeStyle = 'rgb(0 0 0 / 14%)'
  pen.lineWidth = 1.6
  for (const offset of [-8, 0, 8]) {
    pen.beginPath()
    pen.moveTo(offset, 8)
    pen.lineTo(offset + 8, 0)
    pen.stroke()
  }
  return context.createPattern(tile, 'repeat') ?? colour
}

export const penOf = (context: CanvasRenderingContext2D, colours: Colours): Pen => ({
  context,
  colours,
  left: stripes(context, colours.left),
  font: '11.5px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  bold: '600 11.5px system-ui, sans-serif',
})

/** Clears a canvas, and gives it this size and the screen's resolution. */
export function prepare(target: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1
  if (target.width !== Math.round(width * ratio) || target.height !== Math.round(height * ratio)) {
    target.width = Math.round(width * ratio)
    target.height = Math.round(height * ratio)
    target.style.width = `${width}px`
    target.style.height = `${height}px`
  }
  const context = target.getContext('2d')!
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  context.textBaseline = 'middle'
  return context
}

/** The part of a text that fits, without its middle. Empty if next to nothing fits. */
export function fitting(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text
  // All characters have the same width.
  const most = Math.floor(width / context.measureText('m').width)
  if (most < 4) return ''
  const tail = Math.floor((most - 1) * 0.55)
  return `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}`
}

export function rounded(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  width: number,
  height: number,
  round: number | number[],
): void {
  context.beginPath()
  context.roundRect(x, y, width, height, round)
  context.fill()
}
