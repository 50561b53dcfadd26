import type { Range } from '../timeline/chart.js'
import { $, element, isForPage } from '../dom.js'
import { isOutput, lineElement } from './line.js'
import { foldTerminals } from '../model/lines.js'
import { LongList } from './list.js'
import type { Line, TraceModel } from '../model/model.js'
import { tester, toPattern } from './search.js'
import { clock, count, middle, shortCommand } from '../words.js'

// Output and events, line by line.

export interface LogHost {
  onTime(t: number, row: Line): void
  onRange(range: Range | undefined): void
}

export interface Log {
  readonly draw: () => void
  readonly step: (by: number) => void
  /** Shows the first line at or after a time. */
  showTime(t: number, c?: number): void
  showRange(range: Range | undefined): void
  /** Shows the output of one command only, or of all if `c` is 0. */
  showCommand(c: number): void
  search(text: string): void
  focusSearch(): void
}

/** The choice of rows, from the controls above the list. */
class Filter {
  readonly #model: TraceModel
  readonly #folded: readonly Line[]
  readonly search = $<HTMLInputElement>('search')
  readonly onlyMatches = $<HTMLInputElement>('only-matches')
  readonly stream = $<HTMLSelectElement>('stream')
  readonly command = $<HTMLSelectElement>('command')
  readonly raw = $<HTMLInputElement>('raw')
  readonly severalCommands: boolean
  pattern: RegExp | undefined
  range: Range | undefined

  constructor(model: TraceModel) {
    this.#model = model
    this.#folded = foldTerminals(model.rows, model)
    this.severalCommands = model.commands.length > 1
    for (const { number, command } of this.severalCommands ? model.commands : []) {
      const text = `${number}  ${middle(shortCommand(command, model.meta.workspace), 48)}`
      this.command.append(element('option', { text, is: { value: String(number) } }))
    }
    this.command.hidden = !this.severalCommands
    this.raw.parentElement!.hidden = this.#folded === model.rows
  }

  get controls(): readonly HTMLElement[] {
    return [this.onlyMatches, this.stream, this.command, this.raw]
  }

  /** The rows to show. Folded rows are searched too, and then shown unfolded. */
  rows(): readonly Line[] {
    this.pattern = toPattern(this.search.value)
    const isFolded =
      this.pattern === undefined && !this.raw.checked && !['stdout', 'output'].includes(this.stream.value)
    const rows = isFolded ? this.#folded : this.#model.rows
    const wanted = rows.filter((row) => this.#isWanted(row))
    const shown = wanted.length === rows.length ? rows : wanted
    if (this.pattern === undefined || !this.onlyMatches.checked) return shown
    const test = tester(this.pattern)
    return shown.filter(({ text }) => test(text))
  }

  #isWanted(row: Line): boolean {
    const stream = this.stream.value
    const command = Number(this.command.value)
    const { range } = this
    return (
      (range === undefined || (row.t >= range.from && row.t <= range.to)) &&
      (command === 0 || row.c === command || row.c === 0) &&
      (stream === 'all' || row.kind === stream || (stream === 'output' && isOutput(row)))
    )
  }
}

export function createLog(model: TraceModel, host: LogHost): Log {
  const filter = new Filter(model)
  const [state, rangeButton] = [$('search-state'), $<HTMLButtonElement>('range')]
  let shown: readonly Line[] = model.rows
  let matching: readonly number[] = []
  let current = -1
  const list = new LongList((index) =>
    lineElement(shown[index]!, {
      index,
      length: shown.length,
      isCurrent: index === current,
      isOfSeveral: filter.severalCommands,
      pattern: filter.pattern,
    }),
  )
  const { scroller } = list

  const renew = (): void => {
    list.renew(shown.length)
    $('log-empty').hidden = shown.length > 0
  }
  const say = (): void => {
    if (filter.pattern === undefined) {
      state.textContent = filter.search.value === '' ? count(model.outputLines, 'line') : 'not a pattern'
      return
    }
    const at = matching.indexOf(current)
    state.textContent =
      matching.length === 0 ? 'no match' : `${at < 0 ? '–' : at + 1} of ${matching.length.toLocaleString('en')}`
  }
  const setCurrent = (index: number, isQuiet = false): void => {
    current = index
    list.reveal(index)
    renew()
    say()
    const row = shown[index]
    if (!isQuiet && row !== undefined) host.onTime(row.t, row)
  }
  const apply = (): void => {
    const row = shown[current]
    shown = filter.rows()
    const test = filter.pattern === undefined ? undefined : tester(filter.pattern)
    matching = test === undefined ? [] : shown.flatMap(({ text }, index) => (test(text) ? [index] : []))
    current = row === undefined ? -1 : shown.indexOf(row)
    renew()
    if (matching.length > 0 && !matching.includes(current)) {
      current = matching.find((index) => index >= current) ?? matching[0]!
      list.reveal(current)
    }
    say()
  }
  const step = (by: number): void => {
    if (matching.length === 0) return
    const at = matching.indexOf(current)
    setCurrent(matching[(at + by + matching.length) % matching.length]!)
  }

  listenToSearch(filter.search, { apply, step, leave: () => scroller.focus() })
  $('next').addEventListener('click', () => step(1))
  $('previous').addEventListener('click', () => step(-1))
  for (const control of filter.controls) control.addEventListener('change', apply)
  $<HTMLInputElement>('wrap').addEventListener('change', (event) => {
    list.wrap((event.target as HTMLInputElement).checked)
    if (current >= 0) list.reveal(current)
  })
  rangeButton.addEventListener('click', () => host.onRange(undefined))
  scroller.addEventListener('click', (event) => {
    if (String(getSelection()) !== '') return
    const line = (event.target as HTMLElement).closest<HTMLElement>('.line')
    if (line === null) return
    const index = Number(line.dataset['index'])
    const row = shown[index]
    if (row?.kind === 'fold') {
      filter.raw.checked = true
      apply()
      setCurrent(shown.findIndex(({ t, c }) => t >= row.t && c === row.c))
    } else setCurrent(index)
  })
  scroller.addEventListener('keydown', (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: 20, PageUp: -20 }[event.key]
    const to = { Home: 0, End: shown.length - 1 }[event.key] ?? (by === undefined ? undefined : current + by)
    if (!isForPage(event)) return
    if (event.key === 'n' || event.key === 'N') step(event.key === 'n' ? 1 : -1)
    else if (to === undefined) return
    else setCurrent(Math.max(0, Math.min(shown.length - 1, to)))
    event.preventDefault()
  })
  apply()

  return {
    draw: list.draw,
    step,
    showTime(t, c) {
      if (c !== undefined && filter.severalCommands && filter.command.value !== '0') {
        filter.command.value = String(c)
        apply()
      }
      let [low, high] = [0, shown.length]
      while (low < high) {
        const middleRow = (low + high) >> 1
        if (shown[middleRow]!.t >= t) high = middleRow
        else low = middleRow + 1
      }
      if (shown.length > 0) setCurrent(Math.min(low, shown.length - 1), true)
    },
    showRange(range) {
      filter.range = range
      rangeButton.hidden = range === undefined
      if (range !== undefined) {
        rangeButton.textContent = `${clock(range.from)}–${clock(range.to)} s ✕`
        rangeButton.setAttribute('aria-label', `Only ${clock(range.from)} to ${clock(range.to)} s: show all`)
      }
      apply()
    },
    showCommand(c) {
      filter.command.value = String(c)
      apply()
    },
    search(text) {
      filter.search.value = text
      apply()
    },
    focusSearch() {
      filter.search.focus()
      filter.search.select()
    },
  }
}

function listenToSearch(
  search: HTMLInputElement,
  {
    apply,
    step,
    leave,
  }: { readonly apply: () => void; readonly step: (by: number) => void; readonly leave: () => void },
): void {
  let pending: number | undefined
  search.addEventListener('input', () => {
    window.clearTimeout(pending)
    pending = window.setTimeout(apply, 120)
  })
  search.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      event.preventDefault()
      step(event.shiftKey ? -1 : 1)
    } else if (event.key === 'Escape') {
      search.value = ''
      apply()
      leave()
    }
  })
}
