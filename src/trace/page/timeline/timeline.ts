import { Chart, type Range } from './chart.js'
import { $, isForPage, perFrame, scrollTo } from '../dom.js'
import type { Action, Process, TraceModel } from '../model/model.js'
import { listenToPointers } from './pointer.js'
import { labelOf } from './rows.js'
import type { Space } from './space.js'
import { showTip } from './tip.js'
import { count } from '../words.js'

// Shows every process as a bar over time. The names are elements, for people who use a screen reader. The bars are
// drawn on one canvas that is only as large as what is in view, so that five hundred processes cost no more than
// thirty.

/** Called when somebody selects something on the time line. */
export interface TimelineHost {
  onProcess(process: Process): void
  onAction(action: Action): void
  onTime(t: number, process?: Process): void
  onRange(range: Range | undefined): void
}

/** The names of the rows in view. */
class Labels {
  readonly #chart: Chart
  readonly #spacer = $('rows-space')
  readonly #elements = new Map<number, HTMLElement>()
  #space: Space | undefined

  constructor(chart: Chart) {
    this.#chart = chart
  }

  clear(): void {
    for (const made of this.#elements.values()) made.remove()
    this.#elements.clear()
  }

  draw(space: Space, { first, last }: { readonly first: number; readonly last: number }): void {
    const { rows, model, selected } = this.#chart
    if (space.isNarrow !== this.#space?.isNarrow || space.label !== this.#space.label) this.clear()
    this.#space = space
    this.#spacer.style.height = `${rows.length * space.row}px`
    for (const [index, made] of this.#elements) {
      if (index >= first - 5 && index <= last + 5) continue
      made.remove()
      this.#elements.delete(index)
    }
    for (let index = Math.max(0, first - 5); index <= Math.min(rows.length - 1, last + 5); index += 1) {
      let made = this.#elements.get(index)
      if (made === undefined) {
        made = labelOf(rows, index, space, { model, isSelected: index === selected })
        this.#elements.set(index, made)
        this.#spacer.append(made)
      }
      made.setAttribute('aria-selected', String(index === selected))
    }
  }
}

export interface Timeline {
  recolour(): void
  /** Shows a time that was selected elsewhere. */
  showTime(t: number): void
  showAction(action: Action): void
  showRange(range: Range | undefined): void
  selectProcess(id: number): void
  focus(): void
}

export function createTimeline(model: TraceModel, host: TimelineHost): Timeline {
  const chart = new Chart(model)
  const labels = new Labels(chart)
  const { scroller, rows, view } = chart
  const redraw = (): void => {
    const { space } = chart
    scroller.style.setProperty('--rows', `${rows.length * space.row}px`)
    labels.draw(space, chart.draw(space))
  }
  const draw = perFrame(redraw)

  const select = (index: number, isQuiet = false): void => {
    chart.selected = Math.max(0, Math.min(rows.length - 1, index))
    const { row } = chart.space
    scrollTo(scroller, chart.selected * row, (chart.selected + 1) * row)
    scroller.setAttribute('aria-activedescendant', `row-${chart.selected}`)
    draw()
    const chosen = rows[chart.selected]
    if (!isQuiet && chosen?.kind === 'process') host.onProcess(chosen.process)
  }
  const setRange = (range: Range | undefined): void => {
    chart.range = range
    draw()
    host.onRange(range)
  }
  const zoom = (factor: number): void => {
    view.zoom(factor, chart.cursor)
    draw()
  }
  const fit = (): void => {
    view.fit()
    draw()
  }

  listenToPointers(chart, {
    draw,
    onHover: (place) => showTip(chart, place),
    onRange: setRange,
    onClick(index, t) {
      const row = rows[index]
      if (row !== undefined) select(index)
      if (t === undefined) return
      const slack = (view.to - view.from) / 100
      const action =
        row?.kind === 'test'
          ? row.actions.findLast(({ start, end = model.span }) => t >= start - slack && t <= end + slack)
          : undefined
      chart.cursor = t
      if (action === undefined) host.onTime(t)
      else host.onAction(action)
      draw()
    },
  })
  listenToKeys(chart, { select, setRange, zoom, fit, draw, host })
  $('zoom-in').addEventListener('click', () => zoom(0.6))
  $('zoom-out').addEventListener('click', () => zoom(1 / 0.6))
  $('zoom-fit').addEventListener('click', fit)
  new ResizeObserver(draw).observe(scroller)
  $('legend-count').textContent = count(model.processes.length, 'process')

  return {
    recolour() {
      chart.recolour()
      labels.clear()
      draw()
    },
    showTime(t) {
      chart.cursor = t
      view.reveal(t)
      draw()
    },
    showAction(action) {
      chart.action = action
      draw()
    },
    showRange(range) {
      chart.range = range
      draw()
    },
    selectProcess(id) {
      // Something that has no layout cannot be scrolled.
      redraw()
      const index = chart.indexOf(id)
      if (index !== undefined) select(index, true)
    },
    focus: () => scroller.focus(),
  }
}

interface KeyHost {
  readonly select: (index: number) => void
  readonly setRange: (range: Range | undefined) => void
  readonly zoom: (factor: number) => void
  readonly fit: () => void
  readonly draw: () => void
  readonly host: TimelineHost
}

function listenToKeys(chart: Chart, { select, setRange, zoom, fit, draw, host }: KeyHost): void {
  const { rows, view, model } = chart
  const limit = (side: 'from' | 'to'): void => {
    const { cursor, range = { from: 0, to: model.span } } = chart
    const from = side === 'from' ? (cursor ?? 0) : range.from
    const to = side === 'to' ? (cursor ?? model.span) : range.to
    setRange({ from: Math.min(from, to), to: Math.max(from, to) })
  }
  const keys: Readonly<Record<string, () => void>> = {
    ArrowDown: () => select(chart.selected + 1),
    ArrowUp: () => select(chart.selected - 1),
    PageDown: () => select(chart.selected + 10),
    PageUp: () => select(chart.selected - 10),
    Home: () => select(0),
    End: () => select(rows.length - 1),
    ArrowLeft: () => view.pan(-0.15),
    ArrowRight: () => view.pan(0.15),
    '+': () => zoom(0.6),
    '=': () => zoom(0.6),
    '-': () => zoom(1 / 0.6),
    0: fit,
    '[': () => limit('from'),
    ']': () => limit('to'),
    Escape: () => setRange(undefined),
    Enter() {
      const row = rows[chart.selected]
      if (row?.kind === 'process') {
        chart.cursor = row.process.start
        host.onTime(row.process.start, row.process)
      } else if (row?.actions[0] !== undefined) host.onAction(row.actions[0])
    },
  }
  chart.scroller.addEventListener('keydown', (event) => {
    if (!isForPage(event) || !Object.hasOwn(keys, event.key)) return
    event.preventDefault()
    keys[event.key]!()
    draw()
  })
}
