import { type Colours, palette, type Pen, penOf, prepare } from './canvas.js'
import { $ } from '../dom.js'
import { type Action, commandOf, type TraceModel } from '../model/model.js'
import {
  paintMoment,
  paintPorts,
  paintProcess,
  paintSignals,
  paintTicks,
  paintWait,
  type Place,
  topOf,
} from './paint.js'
import { type Row, rowsOf } from './rows.js'
import { gridLabel, gridStep, View } from './scale.js'
import { measure, type Space } from './space.js'

/** A range of time in ms. */
export interface Range {
  readonly from: number
  readonly to: number
}

/** Draws the time line. The canvas is only as large as what is in view. */
export class Chart {
  readonly model: TraceModel
  readonly rows: readonly Row[]
  readonly view: View
  readonly scroller = $('rows')
  readonly #bars = $<HTMLCanvasElement>('bars')
  readonly #axis = $<HTMLCanvasElement>('axis')
  readonly #indexOf: ReadonlyMap<number, number>
  #colours: Colours | undefined
  /** The index of the selected row, or -1. */
  selected = -1
  action: Action | undefined
  cursor: number | undefined
  hover: number | undefined
  range: Range | undefined

  constructor(model: TraceModel) {
    this.model = model
    this.rows = rowsOf(model)
    this.view = new View(model.span)
    this.#indexOf = new Map(
      this.rows.flatMap((row, index) => (row.kind === 'process' ? [[row.process.id, index]] : [])),
    )
  }

  indexOf(process: number): number | undefined {
    return this.#indexOf.get(process)
  }

  get space(): Space {
    return measure(this.scroller)
  }

  timeAt(x: number): number {
    const { left, right } = this.space
    return this.view.from + ((x - left) / (right - left)) * (this.view.to - this.view.from)
  }

  /** Reads the colours again. */
  recolour(): void {
    this.#colours = undefined
  }

  /** Draws. Returns the rows in view. */
  draw(space: Space): { readonly first: number; readonly last: number } {
    this.#colours ??= palette()
    this.#drawAxis(space, this.#colours)
    return this.#drawBars(space, this.#colours)
  }

  #scale({ left, right }: Space): (t: number) => number {
    const { from, to } = this.view
    return (t) => left + ((t - from) / (to - from)) * (right - left)
  }

  #grid({ left, right }: Space): { readonly step: number; readonly times: readonly number[] } {
    const { from, to } = this.view
    const step = gridStep(to - from, Math.max(2, Math.floor((right - left) / 90)))
    const first = Math.ceil(from / step)
    const length = Math.max(0, Math.floor(to / step) - first + 1)
    return { step, times: Array.from({ length }, (_, index) => (first + index) * step) }
  }

  #drawAxis(space: Space, colours: Colours): void {
    const context = prepare(this.#axis, space.width, space.isNarrow ? 34 : 26)
    const at = this.#scale(space)
    const { step, times } = this.#grid(space)
    if (this.range !== undefined) {
      context.fillStyle = colours.select
      context.fillRect(at(this.range.from), 0, Math.max(2, at(this.range.to) - at(this.range.from)), 40)
    }
    context.font = '11px system-ui, sans-serif'
    context.fillStyle = colours.muted
    for (const t of times) {
      const text = gridLabel(t, step)
      const x = at(t)
      if (x + context.measureText(text).width / 2 < space.width) context.fillText(text, x + 4, 14)
      context.fillRect(x, 18, 1, 16)
    }
    if (!space.isNarrow && this.range === undefined) context.fillText('drag here to select a time', 12, 14)
  }

  #drawBars(space: Space, colours: Colours): { readonly first: number; readonly last: number } {
    const height = this.scroller.clientHeight
    const context = prepare(this.#bars, space.width, height)
    const at = this.#scale(space)
    const top = this.scroller.scrollTop
    const first = Math.max(0, Math.floor(top / space.row))
    const last = Math.min(this.rows.length - 1, Math.ceil((top + height) / space.row))
    const pen = penOf(context, colours)
    context.save()
    context.beginPath()
    context.rect(space.label, 0, space.width - space.label, height)
    context.clip()
    context.fillStyle = colours.grid
    for (const t of this.#grid(space).times) context.fillRect(at(t), 0, 1, height)
    if (this.selected >= 0) {
      context.fillStyle = colours.select
      context.fillRect(0, this.selected * space.row - top, space.width, space.row)
    }
    this.#drawConnectors(pen, space, at, { first, last, top })
    for (let index = first; index <= last; index += 1) {
      const { left, right, isNarrow } = space
      this.#drawRow(pen, this.rows[index]!, { y: index * space.row - top, at, left, right, isNarrow })
    }
    this.#drawLines(pen, space, at, height)
    context.restore()
    return { first, last }
  }

  #drawRow(pen: Pen, row: Row, place: Place): void {
    if (row.kind === 'test') {
      for (const action of row.actions) {
        if (action.lane === undefined) paintMoment(pen, action, place, action === this.action)
        else paintWait(pen, action, this.model, place, action === this.action)
      }
      return
    }
    const command = commandOf(this.model, row.process.c)
    paintProcess(pen, row.process, this.model, place)
    if (command !== undefined && row.process.isLeader) paintTicks(pen, command, place)
    paintPorts(pen, row.process, place)
    if (command !== undefined) paintSignals(pen, row.process, command, place)
  }

  /** Draws the lines from parents to their children. */
  #drawConnectors(
    { context, colours }: Pen,
    space: Space,
    at: (t: number) => number,
    { first, last, top }: { readonly first: number; readonly last: number; readonly top: number },
  ): void {
    context.strokeStyle = colours.link
    context.lineWidth = 1.2
    // Lines can run through the view from below. Only the next few rows are checked for them.
    const end = Math.min(this.rows.length, last + 61)
    for (let index = first; index < end; index += 1) {
      const row = this.rows[index]!
      const parent = row.kind === 'process' ? this.#indexOf.get(row.process.parent) : undefined
      if (row.kind !== 'process' || parent === undefined || (index > last && parent > last)) continue
      const x = at(row.process.start)
      if (x < space.left - 4 || x > space.right) continue
      const y = topOf({ y: index * space.row - top, isNarrow: space.isNarrow }) + 8
      const parentY = topOf({ y: parent * space.row - top, isNarrow: space.isNarrow }) + 16
      context.beginPath()
      context.moveTo(x - 3, Math.max(-10, parentY))
      context.lineTo(x - 3, y - 4)
      context.quadraticCurveTo(x - 3, y, x, y)
      context.stroke()
    }
  }

  /** Draws the test's end, the selected range, and the selected time. */
  #drawLines({ context, colours }: Pen, space: Space, at: (t: number) => number, height: number): void {
    const { model } = this
    const end = at(model.end?.t ?? model.died ?? model.span)
    context.fillStyle = model.state === 'passed' ? colours.good : colours.bad
    if (end > space.left && end < space.right) context.fillRect(end, 0, 2, height)
    if (this.range !== undefined) {
      context.globalAlpha = 0.6
      context.fillStyle = colours.panel
      const [from, to] = [at(this.range.from), at(this.range.to)]
      context.fillRect(space.label, 0, Math.max(0, from - space.label), height)
      context.fillRect(to, 0, Math.max(0, space.width - to), height)
      context.globalAlpha = 1
    }
    const lines = [
      [this.hover, colours.muted],
      [this.cursor, colours.cursor],
    ] as const
    for (const [time, colour] of lines) {
      if (time === undefined) continue
      const x = at(time)
      context.fillStyle = colour
      if (x >= space.left - 8 && x <= space.right + 8) context.fillRect(x - 0.5, 0, 1, height)
    }
  }
}
