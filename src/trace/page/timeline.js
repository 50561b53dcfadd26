import { $, clock, count, duration, element, perFrame } from './dom.js'
import {
  lineHeight,
  lineHeightNarrow,
  paintProcess,
  paintSignals,
  paintTicks,
  paintWait,
  palette,
  patterns,
} from './paint.js'
import { inWords, labelOf, rowsOf } from './rows.js'
import { gridLabel, gridStep, View } from './scale.js'

// Every process as a bar over time. Names are elements, for who reads with something else than eyes; bars are drawn
// on one canvas that is as large as what is in view, so that five hundred processes cost what thirty do.

export function createTimeline(model, { onSelect, onTime }) {
  const [scroller, spacer, canvas, axis, tip] = ['rows', 'rows-space', 'bars', 'axis', 'tip'].map($)
  const rows = rowsOf(model)
  const indexOf = new Map(rows.map((row, index) => [row.process?.id, index]))
  const view = new View(model.span)
  const elements = new Map()
  let colours
  let pen
  let selected = -1
  let cursor
  let hover
  let wasNarrow
  const geometry = () => {
    const width = scroller.clientWidth
    const isNarrow = width < 640
    const label = isNarrow ? 0 : Math.round(Math.min(380, Math.max(200, width * 0.3)))
    return {
      width,
      isNarrow,
      label,
      row: isNarrow ? lineHeightNarrow : lineHeight,
      left: label + 10,
      right: width - 12,
    }
  }
  const scaleOf =
    ({ left, right }) =>
    (t) =>
      left + ((t - view.from) / (view.to - view.from)) * (right - left)
  const timeAt = (x) => {
    const { left, right } = geometry()
    return view.from + ((x - left) / (right - left)) * (view.to - view.from)
  }

  /** A canvas as sharp as the screen. */
  const prepare = (target, width, height) => {
    const ratio = window.devicePixelRatio || 1
    if (target.width !== Math.round(width * ratio) || target.height !== Math.round(height * ratio)) {
      target.width = Math.round(width * ratio)
      target.height = Math.round(height * ratio)
      target.style.width = `${width}px`
      target.style.height = `${height}px`
    }
    const context = target.getContext('2d')
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    context.textBaseline = 'middle'
    return context
  }

  const gridTimes = (width) => {
    const step = gridStep(view.to - view.from, Math.max(2, Math.floor(width / 90)))
    const times = []
    for (let t = Math.ceil(view.from / step) * step; t <= view.to; t += step) times.push(t)
    return { step, times }
  }

  const drawAxis = (space) => {
    const context = prepare(axis, space.width, 26)
    const at = scaleOf(space)
    const { step, times } = gridTimes(space.right - space.left)
    context.font = '11px system-ui, sans-serif'
    context.fillStyle = colours.muted
    for (const t of times) {
      const text = gridLabel(t, step)
      const x = at(t)
      if (x + context.measureText(text).width / 2 < space.width) context.fillText(text, x + 4, 14)
      context.fillRect(x, 18, 1, 8)
    }
  }

  const drawConnectors = (context, space, at, first, last, top) => {
    context.strokeStyle = colours.link
    context.lineWidth = 1.2
    let drawn = 0
    for (let index = first; index < rows.length && drawn < 200; index += 1) {
      const { process } = rows[index]
      const parent = process === undefined ? undefined : indexOf.get(process.parent)
      if (parent === undefined || (index > last && parent > last)) continue
      // Beyond what is in view only the first few are looked for: their lines run through it.
      if (index > last + 60) break
      const x = at(process.start)
      if (x < space.left - 4 || x > space.right) continue
      const y = index * space.row - top + (space.isNarrow ? 30 : 13)
      const parentY = parent * space.row - top + (space.isNarrow ? 38 : 21)
      context.beginPath()
      context.moveTo(x - 3, Math.max(-10, parentY))
      context.lineTo(x - 3, y - 4)
      context.quadraticCurveTo(x - 3, y, x, y)
      context.stroke()
      drawn += 1
    }
  }

  const drawBars = (space) => {
    const height = scroller.clientHeight
    const context = prepare(canvas, space.width, height)
    const at = scaleOf(space)
    const top = scroller.scrollTop
    const first = Math.max(0, Math.floor(top / space.row))
    const last = Math.min(rows.length - 1, Math.ceil((top + height) / space.row))
    pen = {
      context,
      colours,
      pattern: patterns(context, colours),
      font: '11.5px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
      bold: '600 11.5px system-ui, sans-serif',
    }
    context.save()
    context.beginPath()
    context.rect(space.label, 0, space.width - space.label, height)
    context.clip()
    context.fillStyle = colours.grid
    for (const t of gridTimes(space.right - space.left).times) context.fillRect(at(t), 0, 1, height)
    if (selected >= 0) {
      context.fillStyle = colours.select
      context.fillRect(0, selected * space.row - top, space.width, space.row)
    }
    drawConnectors(context, space, at, first, last, top)
    for (let index = first; index <= last; index += 1) {
      const row = rows[index]
      const place = { y: index * space.row - top, at, left: space.left, right: space.right, isNarrow: space.isNarrow }
      if (row.kind === 'waits') for (const wait of row.waits) paintWait(pen, wait, model, place)
      else {
        const command = model.commands.find(({ number }) => number === row.process.c)
        paintProcess(pen, row.process, model, place)
        if (row.process.isLeader) paintTicks(pen, command, place)
        paintSignals(pen, row.process, command, place)
      }
    }
    const end = at(model.end?.t ?? model.died ?? model.span)
    if (end > space.left && end < space.right) {
      context.fillStyle = model.state === 'passed' ? colours.good : colours.bad
      context.globalAlpha = 0.55
      context.fillRect(end, 0, 1.5, height)
      context.globalAlpha = 1
    }
    for (const [time, colour] of [
      [hover, colours.muted],
      [cursor, colours.cursor],
    ]) {
      if (time === undefined) continue
      const x = at(time)
      context.fillStyle = colour
      if (x >= space.left - 8 && x <= space.right + 8) context.fillRect(x - 0.5, 0, 1, height)
    }
    context.restore()
    return { first, last }
  }

  const drawLabels = (space, { first, last }) => {
    if (wasNarrow !== space.isNarrow || elements.label !== space.label) {
      for (const made of elements.values()) made.remove()
      elements.clear()
      wasNarrow = space.isNarrow
      elements.label = space.label
    }
    for (const [index, made] of elements) {
      if (index >= first - 5 && index <= last + 5) continue
      made.remove()
      elements.delete(index)
    }
    for (let index = Math.max(0, first - 5); index <= Math.min(rows.length - 1, last + 5); index += 1) {
      let made = elements.get(index)
      if (made === undefined) {
        made = labelOf(rows, index, space, { model, isSelected: index === selected })
        elements.set(index, made)
        spacer.append(made)
      }
      made.setAttribute('aria-selected', String(index === selected))
    }
  }

  const redraw = () => {
    colours ??= palette()
    const space = geometry()
    spacer.style.height = `${rows.length * space.row}px`
    scroller.style.setProperty('--rows', `${rows.length * space.row}px`)
    drawAxis(space)
    drawLabels(space, drawBars(space))
  }
  const draw = perFrame(redraw)

  const select = (index, isQuiet = false) => {
    selected = Math.max(0, Math.min(rows.length - 1, index))
    const { row } = geometry()
    const top = selected * row
    if (top < scroller.scrollTop) scroller.scrollTop = top
    else if (top + row > scroller.scrollTop + scroller.clientHeight)
      scroller.scrollTop = top + row - scroller.clientHeight
    scroller.setAttribute('aria-activedescendant', `row-${selected}`)
    draw()
    if (!isQuiet) onSelect(rows[selected].process)
  }

  const showTip = (event, index) => {
    const { process } = rows[index] ?? {}
    const t = timeAt(event.offsetX)
    const wait = rows[index]?.waits?.find(({ start, end = model.span }) => t >= start && t <= end)
    if (process === undefined && wait === undefined) return tip.classList.remove('is-shown')
    tip.replaceChildren(
      ...(wait === undefined
        ? inWords(process, model)
            .split(', ')
            .map((text, line) => element('div', { text, class: line === 0 ? 'strong' : '' }))
        : [wait.what, duration((wait.end ?? model.span) - wait.start), wait.error]
            .filter(Boolean)
            .map((text) => element('div', { text }))),
      element('div', { class: 'dim', text: `${clock(t)} s` }),
    )
    tip.classList.add('is-shown')
    const box = tip.getBoundingClientRect()
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`
    tip.style.top = `${event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18}px`
  }

  const pointers = new Map()
  let dragged = 0
  const local = (event) => {
    const box = scroller.getBoundingClientRect()
    return {
      offsetX: event.clientX - box.left,
      y: event.clientY - box.top + scroller.scrollTop,
      clientX: event.clientX,
      clientY: event.clientY,
    }
  }
  scroller.addEventListener('pointerdown', (event) => {
    pointers.set(event.pointerId, event.clientX)
    dragged = 0
  })
  addEventListener('pointerup', (event) => pointers.delete(event.pointerId))
  addEventListener('pointercancel', (event) => pointers.delete(event.pointerId))
  scroller.addEventListener('pointermove', (event) => {
    const { width } = geometry()
    const before = pointers.get(event.pointerId)
    if (before !== undefined) {
      const others = [...pointers].filter(([id]) => id !== event.pointerId)
      if (others.length === 1) {
        const other = others[0][1]
        view.zoom(
          Math.max(20, Math.abs(before - other)) / Math.max(20, Math.abs(event.clientX - other)),
          timeAt(local(event).offsetX),
        )
      } else view.pan((before - event.clientX) / width)
      dragged += Math.abs(before - event.clientX)
      pointers.set(event.pointerId, event.clientX)
      tip.classList.remove('is-shown')
      return draw()
    }
    const place = local(event)
    hover = event.pointerType === 'mouse' ? timeAt(place.offsetX) : undefined
    if (event.pointerType === 'mouse') showTip(place, Math.floor(place.y / geometry().row))
    draw()
  })
  scroller.addEventListener('pointerleave', () => {
    hover = undefined
    tip.classList.remove('is-shown')
    draw()
  })
  scroller.addEventListener('click', (event) => {
    if (dragged > 4) return
    const place = local(event)
    const { row, left } = geometry()
    const index = Math.floor(place.y / row)
    if (index >= 0 && index < rows.length) select(index)
    if (place.offsetX >= left) {
      cursor = Math.max(0, timeAt(place.offsetX))
      onTime(cursor)
    }
  })
  scroller.addEventListener(
    'wheel',
    (event) => {
      const isZoom = event.ctrlKey || event.metaKey
      if (!isZoom && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return
      event.preventDefault()
      if (isZoom) view.zoom(Math.exp(event.deltaY / 200), timeAt(local(event).offsetX))
      else view.pan(event.deltaX / geometry().width)
      draw()
    },
    { passive: false },
  )
  scroller.addEventListener('scroll', draw)
  const keys = {
    ArrowDown: () => select(selected + 1),
    ArrowUp: () => select(selected - 1),
    PageDown: () => select(selected + 10),
    PageUp: () => select(selected - 10),
    Home: () => select(0),
    End: () => select(rows.length - 1),
    ArrowLeft: () => view.pan(-0.15),
    ArrowRight: () => view.pan(0.15),
    '+': () => view.zoom(0.6, cursor),
    '=': () => view.zoom(0.6, cursor),
    '-': () => view.zoom(1 / 0.6, cursor),
    0: () => view.fit(),
    Enter() {
      const { process } = rows[selected] ?? {}
      if (process === undefined) return
      cursor = process.start
      onTime(cursor, process)
    },
  }
  scroller.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return
    event.preventDefault()
    keys[event.key]()
    draw()
  })
  const buttons = { 'zoom-in': 0.6, 'zoom-out': 1 / 0.6 }
  for (const [id, factor] of Object.entries(buttons)) {
    $(id).addEventListener('click', () => {
      view.zoom(factor, cursor)
      draw()
    })
  }
  $('zoom-fit').addEventListener('click', () => {
    view.fit()
    draw()
  })
  new ResizeObserver(draw).observe(scroller)
  $('legend-count').textContent = `${count(model.processes.length, 'process')}`

  return {
    draw,
    /** Colours are asked for again. */
    recolour() {
      colours = undefined
      for (const made of elements.values()) made.remove()
      elements.clear()
      draw()
    },
    /** Shows a time, as somebody chose it elsewhere. */
    showTime(t) {
      cursor = t
      view.reveal(t)
      draw()
    },
    selectProcess(id) {
      // What is not laid out cannot be scrolled.
      redraw()
      if (indexOf.has(id)) select(indexOf.get(id))
    },
    focus: () => scroller.focus(),
  }
}
