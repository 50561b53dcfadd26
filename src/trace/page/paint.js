// What is drawn of one row of the timeline. `at` turns a time into a place on the canvas.

import { isBad } from './model.js'
import { duration, shortCommand } from './dom.js'

export const lineHeight = 26
/** On a narrow screen the name stands above its bar. */
export const lineHeightNarrow = 42

/** The colours of the style sheet, for the canvas. */
export function palette() {
  // A canvas knows no variables, and a variable keeps both of its colours: an element shows the one that counts.
  const probe = document.body.appendChild(document.createElement('i'))
  const colour = (name) => {
    probe.style.color = `var(--${name})`
    return getComputedStyle(probe).color
  }
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
    'stdout',
    'stderr',
    'wait',
    'cursor',
    'select',
    'link',
  ]
  const colours = Object.fromEntries(names.map((name) => [name, colour(name)]))
  probe.remove()
  return colours
}

/** Stripes for what left its group: not told by the colour alone. */
function stripes(context, colour, stripe) {
  const tile = document.createElement('canvas')
  tile.width = tile.height = 8
  const pen = tile.getContext('2d')
  pen.fillStyle = colour
  pen.fillRect(0, 0, 8, 8)
  pen.strokeStyle = stripe
  pen.lineWidth = 1.6
  for (const offset of [-8, 0, 8]) {
    pen.beginPath()
    pen.moveTo(offset, 8)
    pen.lineTo(offset + 8, 0)
    pen.stroke()
  }
  return context.createPattern(tile, 'repeat')
}

export function patterns(context, colours) {
  return { left: stripes(context, colours.left, 'rgb(0 0 0 / 14%)') }
}

function clipText(context, text, width) {
  if (context.measureText(text).width <= width) return text
  let [low, high] = [0, text.length]
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (context.measureText(`${text.slice(0, middle)}…`).width <= width) low = middle
    else high = middle - 1
  }
  return low < 3 ? '' : `${text.slice(0, low)}…`
}

function roundedBar(context, x, y, width, height, round) {
  context.beginPath()
  context.roundRect(x, y, width, height, round)
  context.fill()
}

/** What is written behind the end of a bar: how the process ended, and whether it should have. */
export function fate(process, model) {
  const exit = process.isLeader ? model.commands.find(({ number }) => number === process.c)?.exit : undefined
  const { finding } = process
  if (finding !== undefined) {
    const isAllowed = finding.outcome.startsWith('allowed')
    const word = isAllowed || finding.place === 'killed by the guardian' ? '' : 'leaked · '
    return { text: `${word}${finding.outcome}`, isBad: !isAllowed }
  }
  if (exit === undefined)
    return { text: process.end === undefined ? 'alive at the end' : '', isBad: process.end === undefined }
  if (exit.signal !== null) {
    const { marks } = model.commands.find(({ number }) => number === process.c)
    return { text: exit.signal, isBad: !marks.some(({ signal }) => signal === exit.signal) }
  }
  return { text: `exit ${exit.code}`, isBad: isBad(exit) }
}

/** One process: a bar for each program that it was, striped from where it left the group, what ended it behind. */
export function paintProcess(pen, process, model, { y, at, left, right, isNarrow }) {
  const { context, colours, pattern } = pen
  const barHeight = isNarrow ? 16 : 16
  const top = isNarrow ? y + 22 : y + 5
  const end = process.end ?? model.span
  const from = Math.max(left - 8, at(process.start))
  const to = Math.min(right + 8, Math.max(at(end), at(process.start) + 3))
  if (to < left || from > right + 4) return
  const leftX = process.leftAt === undefined ? Infinity : Math.max(from, at(process.leftAt))
  context.fillStyle = colours.bar
  const isOpen = process.end === undefined
  if (leftX > from + 0.5)
    roundedBar(context, from, top, Math.min(to, leftX) - from, barHeight, leftX < to ? [4, 0, 0, 4] : 4)
  if (leftX < to) {
    context.fillStyle = pattern.left
    roundedBar(context, leftX, top, to - leftX, barHeight, leftX > from + 0.5 ? [0, 4, 4, 0] : 4)
  }
  if (isOpen) {
    // It was not seen to end.
    const fade = context.createLinearGradient(Math.max(from, to - 40), 0, to, 0)
    fade.addColorStop(0, 'transparent')
    fade.addColorStop(1, colours.panel)
    context.fillStyle = fade
    context.fillRect(Math.max(from, to - 40), top, 41, barHeight)
  }
  const ended = fate(process, model)
  if (process.finding !== undefined && ended.isBad) {
    context.strokeStyle = colours.bad
    context.lineWidth = 2
    context.beginPath()
    context.roundRect(from + 1, top + 1, Math.max(1, to - from - 2), barHeight - 2, 3)
    context.stroke()
  }
  paintPrograms(pen, process, { at, from, to, top, barHeight, leftX })
  if (process.orphanedAt !== undefined && process.orphanedAt < end) {
    context.strokeStyle = colours.text
    context.setLineDash([3, 3])
    context.lineWidth = 1.2
    context.beginPath()
    context.moveTo(Math.max(from, at(process.orphanedAt)), top + barHeight + 1.5)
    context.lineTo(to, top + barHeight + 1.5)
    context.stroke()
    context.setLineDash([])
  }
  if (ended.text !== '') {
    context.font = ended.isBad ? pen.bold : pen.font
    context.fillStyle = ended.isBad ? colours.bad : colours.muted
    const width = context.measureText(ended.text).width
    // Behind the bar, or before its begin where there is no room left.
    const isRoom = to + 6 + width < right + 8
    if (isRoom) context.fillText(ended.text, to + 6, top + barHeight / 2 + 1)
    else if (from - 6 - width > left) context.fillText(ended.text, from - 6 - width, top + barHeight / 2 + 1)
  }
}

function paintPrograms(pen, process, { at, from, to, top, barHeight, leftX }) {
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
    const text = clipText(context, shortCommand(command), stop - start - 12)
    context.fillStyle = start >= leftX ? colours['left-text'] : colours['bar-text']
    context.fillText(text, start + 6, top + barHeight / 2 + 1)
  }
}

/** Output as ticks along the lower edge of a command's own bar. */
export function paintTicks(pen, command, { y, at, left, right, isNarrow }) {
  const { context, colours } = pen
  const top = isNarrow ? y + 38 : y + 21
  const last = [-1, -1]
  for (let index = 0; index < command.ticks.length; index += 2) {
    const x = Math.round(at(command.ticks[index]))
    const stream = command.ticks[index + 1]
    if (x < left || x > right || last[stream] === x) continue
    last[stream] = x
    context.fillStyle = stream === 1 ? colours.stderr : colours.stdout
    context.fillRect(x, top + (stream === 1 ? 2 : 0), 1.5, stream === 1 ? 3 : 4)
  }
}

/** A signal: a diamond on everybody whom it was sent to, its name on the command's own row. */
export function paintSignals(pen, process, command, { y, at, left, right, isNarrow }) {
  const { context, colours } = pen
  const middle = isNarrow ? y + 30 : y + 13
  let lastEnd = -Infinity
  for (const mark of command.marks) {
    const x = at(mark.t)
    const end = process.end ?? Infinity
    const isMeant =
      (process.isLeader && typeof mark.to !== 'number') ||
      (mark.to === 'group' && process.leftAt === undefined) ||
      mark.to === 'tree' ||
      mark.to === process.pid
    if (!isMeant || x < left || x > right || mark.t < process.start || mark.t > end + 2) continue
    context.fillStyle = colours.signal
    context.strokeStyle = colours.panel
    context.lineWidth = 1.5
    context.beginPath()
    context.moveTo(x, middle - 7)
    context.lineTo(x + 5, middle)
    context.lineTo(x, middle + 7)
    context.lineTo(x - 5, middle)
    context.closePath()
    context.fill()
    context.stroke()
    lastEnd = x
  }
  return lastEnd
}

/** What the test waited for: an outline, red when it was in vain. */
export function paintWait(pen, wait, model, { y, at, left, right, isNarrow }) {
  const { context, colours } = pen
  const top = isNarrow ? y + 22 : y + 5
  const from = Math.max(left - 8, at(wait.start))
  const to = Math.min(right + 8, Math.max(at(wait.end ?? model.span), at(wait.start) + 3))
  if (to < left || from > right) return
  const colour = wait.error === undefined ? colours.wait : colours.bad
  context.fillStyle = colour
  context.globalAlpha = 0.14
  roundedBar(context, from, top, to - from, 16, 4)
  context.globalAlpha = 1
  context.strokeStyle = colour
  context.lineWidth = 1.2
  context.beginPath()
  context.roundRect(from + 0.5, top + 0.5, Math.max(1, to - from - 1), 15, 4)
  context.stroke()
  const label = `${wait.what}  ${duration((wait.end ?? model.span) - wait.start)}`
  context.font = pen.font
  context.fillStyle = wait.error === undefined ? colours.text : colours.bad
  const text = clipText(context, label, to - from - 12)
  if (to - from > 40) context.fillText(text, from + 6, top + 9)
}
