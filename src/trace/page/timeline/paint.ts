import { fitting, type Pen, rounded } from './canvas.js'
import { type Action, type Command, fate, type Process, type TraceModel } from '../model/model.js'
import { duration, shortCommand } from '../words.js'

// Draws one row of the time line.

export const lineHeight = 28
/** On a narrow screen the name is above the bar. */
export const lineHeightNarrow = 44

const barHeight = 16

/** The place of a row. `at` turns a time into a place on the canvas. */
export interface Place {
  readonly y: number
  readonly at: (t: number) => number
  readonly left: number
  readonly right: number
  readonly isNarrow: boolean
}

export const topOf = ({ y, isNarrow }: Pick<Place, 'y' | 'isNarrow'>): number => y + (isNarrow ? 22 : 5)

/** The part of a bar that is in view. Undefined if none is. */
function extent(start: number, end: number, { at, left, right }: Place): { from: number; to: number } | undefined {
  const from = Math.max(left - 8, at(start))
  const to = Math.min(right + 8, Math.max(at(end), at(start) + 3))
  return to < left || from > right + 4 ? undefined : { from, to }
}

/**
 * Draws a process: a bar for each program that it ran, with stripes from where it left the group, and after it how it
 * ended.
 */
export function paintProcess(pen: Pen, process: Process, model: TraceModel, place: Place): void {
  const { context, colours } = pen
  const { at } = place
  const end = process.end ?? model.span
  const shown = extent(process.start, end, place)
  if (shown === undefined) return
  const { from, to } = shown
  const top = topOf(place)
  const leftX = process.leftAt === undefined ? Infinity : Math.max(from, at(process.leftAt))
  context.fillStyle = colours.bar
  if (leftX > from + 0.5)
    rounded(context, from, top, Math.min(to, leftX) - from, barHeight, leftX < to ? [4, 0, 0, 4] : 4)
  context.fillStyle = pen.left
  if (leftX < to) rounded(context, leftX, top, to - leftX, barHeight, leftX > from + 0.5 ? [0, 4, 4, 0] : 4)
  if (process.end === undefined) fadeOut(pen, Math.max(from, to - 40), to, top)
  const ended = fate(process, model)
  if (process.finding !== undefined && ended.isBad) frame(pen, from, to, top)
  paintPrograms(pen, process, { at, from, to, top, leftX, workspace: model.meta.workspace })
  if (process.orphanedAt !== undefined && process.orphanedAt < end) {
    dashes(pen, Math.max(from, at(process.orphanedAt)), to, top + barHeight + 2)
  }
  paintFate(pen, ended, { from, to, top, left: place.left, right: place.right })
}

/** Draws a bar whose end was not seen. */
function fadeOut({ context, colours }: Pen, from: number, to: number, top: number): void {
  const fade = context.createLinearGradient(from, 0, to, 0)
  fade.addColorStop(0, 'transparent')
  fade.addColorStop(1, colours.panel)
  context.fillStyle = fade
  context.fillRect(from, top, 41, barHeight)
}

function frame({ context, colours }: Pen, from: number, to: number, top: number): void {
  context.strokeStyle = colours.bad
  context.lineWidth = 2
  context.beginPath()
  context.roundRect(from + 1, top + 1, Math.max(1, to - from - 2), barHeight - 2, 3)
  context.stroke()
}

function dashes({ context, colours }: Pen, from: number, to: number, y: number): void {
  context.strokeStyle = colours.text
  context.setLineDash([5, 3])
  context.lineWidth = 2
  context.beginPath()
  context.moveTo(from, y)
  context.lineTo(to, y)
  context.stroke()
  context.setLineDash([])
}

interface Bar {
  readonly from: number
  readonly to: number
  readonly top: number
}

/** Writes how a process ended: after the bar, or before it if there is no room. */
function paintFate(
  pen: Pen,
  { text, isBad }: ReturnType<typeof fate>,
  { from, to, top, left, right }: Bar & { readonly left: number; readonly right: number },
): void {
  if (text === '') return
  const { context, colours } = pen
  context.font = isBad ? pen.bold : pen.font
  context.fillStyle = isBad ? colours.bad : colours.muted
  const { width } = context.measureText(text)
  if (to + 6 + width < right + 8) context.fillText(text, to + 6, top + barHeight / 2 + 1)
  else if (from - 6 - width > left) context.fillText(text, from - 6 - width, top + barHeight / 2 + 1)
}

function paintPrograms(
  pen: Pen,
  process: Process,
  {
    at,
    from,
    to,
    top,
    leftX,
    workspace,
  }: Bar & { readonly at: Place['at']; readonly leftX: number; readonly workspace: string | undefined },
): void {
  const { context, colours } = pen
  context.font = pen.font
  for (const [index, { t, command }] of process.commands.entries()) {
    const start = Math.max(from, at(t))
    const next = process.commands[index + 1]
    const stop = next === undefined ? to : Math.min(to, at(next.t))
    if (index > 0 && at(t) >= from) {
      context.fillStyle = colours.panel
      context.fillRect(at(t) - 1, top, 2, barHeight)
    }
    if (stop - start < 30) continue
    const text = fitting(context, shortCommand(command, workspace), stop - start - 12)
    context.fillStyle = start >= leftX - 24 ? colours['left-text'] : colours['bar-text']
    context.fillText(text, start + 6, top + barHeight / 2 + 1)
  }
}

/** Draws the output as ticks below the command's own bar. */
export function paintTicks(pen: Pen, command: Command, place: Place): void {
  const { context, colours } = pen
  const { at, left, right } = place
  const top = topOf(place) + barHeight
  const last = [-1, -1]
  for (let index = 0; index < command.ticks.length; index += 2) {
    const x = Math.round(at(command.ticks[index]!))
    const stream = command.ticks[index + 1]!
    if (x < left || x > right || last[stream] === x) continue
    last[stream] = x
    context.fillStyle = stream === 1 ? colours.stderr : colours.stdout
    context.fillRect(x - 1, top + (stream === 1 ? 3 : 0), 2, stream === 1 ? 4 : 5)
  }
}

const isMeant = (process: Process, { to }: { to: unknown }): boolean =>
  (process.isLeader && typeof to !== 'number') ||
  (to === 'group' && process.leftAt === undefined) ||
  to === 'tree' ||
  to === process.pid

/** Draws a signal: a diamond on every process that it was sent to. */
export function paintSignals(pen: Pen, process: Process, command: Command, place: Place): void {
  const { at, left, right } = place
  const middle = topOf(place) + barHeight / 2
  for (const mark of command.marks) {
    const x = at(mark.t)
    if (!isMeant(process, mark) || x < left || x > right) continue
    if (mark.t >= process.start && mark.t <= (process.end ?? Infinity) + 2) diamond(pen, x, middle)
  }
}

function diamond({ context, colours }: Pen, x: number, y: number): void {
  context.fillStyle = colours.signal
  context.strokeStyle = colours.panel
  context.lineWidth = 1.5
  context.beginPath()
  context.moveTo(x, y - 7)
  context.lineTo(x + 5, y)
  context.lineTo(x, y + 7)
  context.lineTo(x - 5, y)
  context.closePath()
  context.fill()
  context.stroke()
}

/** Draws a port: a flag with its number at the time it was opened. */
export function paintPorts(pen: Pen, process: Process, place: Place): void {
  const { context, colours } = pen
  const { at, left, right } = place
  const top = topOf(place)
  context.font = '600 10.5px system-ui, sans-serif'
  for (const { port, t } of process.ports) {
    const x = at(t)
    if (x < left || x > right) continue
    const text = `:${port}`
    const { width } = context.measureText(text)
    context.fillStyle = colours.port
    context.fillRect(x - 1, top - 3, 2, barHeight + 6)
    rounded(context, x, top - 3, width + 8, 13, [0, 4, 4, 0])
    context.fillStyle = colours.panel
    context.fillText(text, x + 4, top + 4)
  }
}

/** Draws a wait of the test: an outline, which is red if the wait failed. */
export function paintWait(pen: Pen, action: Action, model: TraceModel, place: Place, isSelected: boolean): void {
  const { context, colours } = pen
  const end = action.end ?? model.span
  const shown = extent(action.start, end, place)
  if (shown === undefined) return
  const { from, to } = shown
  const top = topOf(place)
  const colour = action.error === undefined ? colours.wait : colours.bad
  context.fillStyle = colour
  context.globalAlpha = isSelected ? 0.4 : 0.14
  rounded(context, from, top, to - from, barHeight, 4)
  context.globalAlpha = 1
  context.strokeStyle = colour
  context.lineWidth = isSelected ? 2 : 1.2
  context.beginPath()
  context.roundRect(from + 0.5, top + 0.5, Math.max(1, to - from - 1), barHeight - 1, 4)
  context.stroke()
  if (to - from < 40) return
  context.font = pen.font
  context.fillStyle = action.error === undefined ? colours.text : colours.bad
  const label = `${action.what}  ${duration(end - action.start)}`
  const isRoom = context.measureText(label).width <= to - from - 12
  context.fillText(isRoom ? label : fitting(context, action.what, to - from - 12), from + 6, top + 9)
}

/** Draws an action that takes no time: a small triangle below its row. */
export function paintMoment(pen: Pen, action: Action, place: Place, isSelected: boolean): void {
  const { context, colours } = pen
  const x = place.at(action.start)
  if (x < place.left - 4 || x > place.right) return
  const bottom = topOf(place) + barHeight + 6
  context.fillStyle = action.error === undefined ? (isSelected ? colours.cursor : colours.wait) : colours.bad
  context.beginPath()
  context.moveTo(x, bottom - 6)
  context.lineTo(x + 3.5, bottom)
  context.lineTo(x - 3.5, bottom)
  context.closePath()
  context.fill()
}
