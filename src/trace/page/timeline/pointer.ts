import type { Chart, Range } from './chart.js'
import { $ } from '../dom.js'

/** What the pointer does, for the time line. */
export interface PointerHost {
  /** A click on the row with this index. `t` is the time, if the click was on the bars. */
  readonly onClick: (row: number, t: number | undefined) => void
  /** The mouse is over a row, or over nothing. */
  readonly onHover: (
    place: { readonly row: number; readonly t: number; readonly x: number; readonly y: number } | undefined,
  ) => void
  readonly onRange: (range: Range | undefined) => void
  readonly draw: () => void
}

/** A press that moves by fewer pixels than this is a click. */
const tolerance = 4

/** Listens to clicks, drags, pinches and the wheel on the time line. A drag on the axis selects a range. */
export function listenToPointers(chart: Chart, host: PointerHost): void {
  const { scroller, view } = chart
  const pointers = new Map<number, number>()
  let dragged = 0
  const xOf = (event: PointerEvent | MouseEvent): number => event.clientX - scroller.getBoundingClientRect().left
  const rowAt = (event: PointerEvent | MouseEvent): number =>
    Math.floor((event.clientY - scroller.getBoundingClientRect().top + scroller.scrollTop) / chart.space.row)

  const drag = (event: PointerEvent, before: number): void => {
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1]
    if (other === undefined) view.pan((before - event.clientX) / chart.space.width)
    else {
      const factor = Math.max(20, Math.abs(before - other)) / Math.max(20, Math.abs(event.clientX - other))
      view.zoom(factor, chart.timeAt(xOf(event)))
    }
    dragged += Math.abs(before - event.clientX)
    pointers.set(event.pointerId, event.clientX)
    host.onHover(undefined)
  }

  scroller.addEventListener('pointerdown', (event) => {
    pointers.set(event.pointerId, event.clientX)
    dragged = 0
  })
  for (const name of ['pointerup', 'pointercancel'] as const) {
    addEventListener(name, (event) => pointers.delete(event.pointerId))
  }
  scroller.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId)
    if (before !== undefined) drag(event, before)
    else if (event.pointerType === 'mouse') {
      const t = chart.timeAt(xOf(event))
      chart.hover = t
      host.onHover({ row: rowAt(event), t, x: event.clientX, y: event.clientY })
    }
    host.draw()
  })
  scroller.addEventListener('pointerleave', () => {
    chart.hover = undefined
    host.onHover(undefined)
    host.draw()
  })
  scroller.addEventListener('click', (event) => {
    if (dragged > tolerance) return
    const x = xOf(event)
    host.onClick(rowAt(event), x >= chart.space.left ? Math.max(0, chart.timeAt(x)) : undefined)
  })
  scroller.addEventListener(
    'wheel',
    (event) => {
      const isZoom = event.ctrlKey || event.metaKey
      if (!isZoom && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return
      event.preventDefault()
      if (isZoom) view.zoom(Math.exp(event.deltaY / 200), chart.timeAt(xOf(event)))
      else view.pan(event.deltaX / chart.space.width)
      host.draw()
    },
    { passive: false },
  )
  scroller.addEventListener('scroll', host.draw)
  selectOnAxis(chart, host, xOf)
}

function selectOnAxis(chart: Chart, host: PointerHost, xOf: (event: PointerEvent) => number): void {
  const axis = $('axis')
  let begin: number | undefined
  const at = (event: PointerEvent): number =>
    Math.min(chart.model.span, Math.max(0, chart.timeAt(Math.max(chart.space.left, xOf(event)))))
  const select = (event: PointerEvent): void => {
    if (begin === undefined) return
    const t = at(event)
    host.onRange({ from: Math.min(begin, t), to: Math.max(begin, t) })
  }
  let from = 0
  axis.addEventListener('pointerdown', (event) => {
    begin = at(event)
    from = event.clientX
    axis.setPointerCapture(event.pointerId)
  })
  axis.addEventListener('pointermove', (event) => {
    if (Math.abs(event.clientX - from) > tolerance) select(event)
  })
  axis.addEventListener('pointerup', (event) => {
    // A click without a drag clears the range.
    if (Math.abs(event.clientX - from) <= tolerance) host.onRange(undefined)
    begin = undefined
  })
  axis.addEventListener('pointercancel', () => {
    begin = undefined
  })
}
