import { pieces, plain } from './ansi.js'
import { $, clock, count, element, perFrame } from './dom.js'

// Output and what happened, line by line. Only what is in view is laid out.

const isOutput = ({ kind }) => kind === 'stdout' || kind === 'stderr'
const rowHeight = 20

/** A pattern from what somebody typed: a text, or /a regular expression/. */
export function toPattern(text) {
  if (text === '') return undefined
  const match = /^\/(.+)\/([a-z]*)$/.exec(text)
  try {
    return match === null
      ? new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`), 'gi')
      : new RegExp(match[1], `g${match[2].replaceAll('g', '')}`)
  } catch {
    return undefined
  }
}

/** Every place where a pattern matches, none of them empty. */
function matchesIn(text, pattern) {
  const found = []
  for (const match of text.matchAll(pattern)) {
    if (match[0] !== '') found.push([match.index, match.index + match[0].length])
    if (found.length > 100) break
  }
  return found
}

/** A line that goes on for ever is searched to its end, and shown to here. */
const mostShown = 10_000
const clip = (row) => (row.text.length <= mostShown ? row : { ...row, text: `${row.text.slice(0, mostShown)} …` })

/** The text of a row with what was searched for marked. */
function marked(whole, pattern) {
  const row = clip(whole)
  if (row.kind === 'event' || row.kind === 'input') return [element('span', { text: plain(row.text) })]
  const matches = pattern === undefined ? [] : matchesIn(plain(row.text), pattern)
  if (matches.length === 0)
    return pieces(row.text).map(({ text, classes }) => element('span', { text, class: classes }))
  const text = plain(row.text)
  const made = []
  let from = 0
  for (const [begin, end] of matches) {
    made.push(element('span', { text: text.slice(from, begin) }), element('mark', { text: text.slice(begin, end) }))
    from = end
  }
  made.push(element('span', { text: text.slice(from) }))
  return made
}

export function createLog(model, { onTime }) {
  const [scroller, spacer, search, state] = ['log', 'log-space', 'search', 'search-state'].map($)
  const [onlyMatches, stream, commandChoice] = ['only-matches', 'stream', 'command'].map($)
  const elements = new Map()
  const markers = { stdout: '', stderr: 'err', event: '', input: 'in' }
  const severalCommands = model.commands.length > 1
  let shown = model.rows
  let matching = []
  let pattern
  let current = -1
  let width = 0

  for (const { number, command } of severalCommands ? model.commands : []) {
    commandChoice.append(element('option', { value: String(number), text: `${number}  ${command}` }))
  }
  commandChoice.hidden = !severalCommands

  const rowElement = (index) => {
    const row = shown[index]
    const made = element(
      'div',
      {
        class: `line ${row.kind}${row.tone ? ` ${row.tone}` : ''}${index === current ? ' current' : ''}`,
        role: 'listitem',
        'aria-posinset': String(index + 1),
        'aria-setsize': String(shown.length),
      },
      element('span', { class: 'time', text: clock(row.t) }),
      severalCommands ? element('span', { class: 'of', text: row.c === 0 ? '' : String(row.c) }) : undefined,
      element('span', { class: 'kind', text: markers[row.kind], title: isOutput(row) ? row.kind : '' }),
      element('span', { class: 'text' }, ...marked(row, pattern)),
    )
    made.style.top = `${index * rowHeight}px`
    made.dataset.index = String(index)
    return made
  }

  const redraw = () => {
    const first = Math.max(0, Math.floor(scroller.scrollTop / rowHeight) - 10)
    const last = Math.min(shown.length - 1, Math.ceil((scroller.scrollTop + scroller.clientHeight) / rowHeight) + 10)
    for (const [index, made] of elements) {
      if (index >= first && index <= last) continue
      made.remove()
      elements.delete(index)
    }
    for (let index = first; index <= last; index += 1) {
      if (elements.has(index)) continue
      const made = rowElement(index)
      elements.set(index, made)
      spacer.append(made)
    }
    // The longest line that was seen so far says how far one can scroll sideways.
    const widest = Math.max(0, ...[...elements.values()].map((made) => made.scrollWidth))
    if (widest > width) {
      width = widest
      spacer.style.minWidth = `${width}px`
    }
  }
  const draw = perFrame(redraw)

  const renew = () => {
    for (const made of elements.values()) made.remove()
    elements.clear()
    spacer.style.height = `${Math.max(1, shown.length) * rowHeight}px`
    $('log-empty').hidden = shown.length > 0
    draw()
  }

  const reveal = (index) => {
    const top = index * rowHeight
    if (top < scroller.scrollTop + rowHeight || top > scroller.scrollTop + scroller.clientHeight - 2 * rowHeight) {
      scroller.scrollTop = Math.max(0, top - scroller.clientHeight / 2)
    }
  }

  const say = () => {
    if (pattern === undefined) {
      state.textContent = search.value === '' ? count(model.outputLines, 'line') : 'not a pattern'
      return
    }
    const at = matching.indexOf(current)
    state.textContent =
      matching.length === 0 ? 'no match' : `${at < 0 ? '–' : at + 1} of ${matching.length.toLocaleString('en')}`
  }

  const setCurrent = (index, isQuiet = false) => {
    current = index
    reveal(index)
    renew()
    say()
    if (!isQuiet && shown[index] !== undefined) onTime(shown[index].t)
  }

  const filter = () => {
    const row = shown[current]
    const wantedCommand = Number(commandChoice.value)
    pattern = toPattern(search.value)
    const test = pattern === undefined ? undefined : new RegExp(pattern.source, pattern.flags.replace('g', ''))
    const isWanted = (each) =>
      (wantedCommand === 0 || each.c === wantedCommand || each.c === 0) &&
      (stream.value === 'all' || each.kind === stream.value || (stream.value === 'output' && isOutput(each)))
    shown = stream.value === 'all' && wantedCommand === 0 ? model.rows : model.rows.filter(isWanted)
    if (test !== undefined && onlyMatches.checked) shown = shown.filter(({ text }) => test.test(plain(text)))
    matching = []
    if (test !== undefined)
      for (const [index, { text }] of shown.entries()) if (test.test(plain(text))) matching.push(index)
    current = row === undefined ? -1 : shown.indexOf(row)
    if (matching.length > 0 && !matching.includes(current)) {
      current = matching.find((index) => index >= current) ?? matching[0]
      reveal(current)
    }
    renew()
    say()
  }

  const step = (by) => {
    if (matching.length === 0) return
    const at = matching.indexOf(current)
    setCurrent(matching[(at + by + matching.length) % matching.length])
  }

  let pending
  search.addEventListener('input', () => {
    clearTimeout(pending)
    pending = setTimeout(filter, 120)
  })
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault()
      step(event.shiftKey ? -1 : 1)
    } else if (event.key === 'Escape') {
      search.value = ''
      filter()
      scroller.focus()
    }
  })
  $('next').addEventListener('click', () => step(1))
  $('previous').addEventListener('click', () => step(-1))
  for (const control of [onlyMatches, stream, commandChoice]) control.addEventListener('change', filter)
  scroller.addEventListener('scroll', draw)
  scroller.addEventListener('click', (event) => {
    if (String(getSelection()) !== '') return
    const line = event.target.closest('.line')
    if (line !== null) setCurrent(Number(line.dataset.index))
  })
  scroller.addEventListener('keydown', (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 20, PageUp: -20 }[event.key]
    const to = { Home: 0, End: shown.length - 1 }[event.key] ?? (by === undefined ? undefined : current + by)
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'n' || event.key === 'N') step(event.key === 'n' ? 1 : -1)
    else if (to === undefined) return
    else setCurrent(Math.max(0, Math.min(shown.length - 1, to)))
    event.preventDefault()
  })
  new ResizeObserver(draw).observe(scroller)
  renew()
  say()

  return {
    draw,
    step,
    /** The first line at a time or after it. */
    showTime(t, c) {
      if (c !== undefined && severalCommands && commandChoice.value !== '0') {
        commandChoice.value = String(c)
        filter()
      }
      let [low, high] = [0, shown.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (shown[middle].t >= t) high = middle
        else low = middle + 1
      }
      if (shown.length > 0) setCurrent(Math.min(low, shown.length - 1), true)
    },
    search(text) {
      search.value = text
      filter()
    },
    focusSearch() {
      search.focus()
      search.select()
    },
  }
}
