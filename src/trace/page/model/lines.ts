import type { OutputRecord } from '../../format.js'
import type { Line, TraceModel } from './model.js'

/** The most rows that a browser can lay out in one list: the first ones and the last ones are kept. */
const mostFirst = 100_000
const mostLast = 500_000

/** Joins pieces of output into lines. Each line has the time of its first piece. */
export class Lines {
  readonly rows: Line[] = []
  readonly #open = new Map<string, Line>()

  output({ t, c, s, text = '' }: OutputRecord): void {
    const key = `${c} ${s}`
    let row = this.#open.get(key)
    let from = 0
    for (;;) {
      const at = text.indexOf('\n', from)
      const piece = at < 0 ? text.slice(from) : text.slice(from, at)
      if (row === undefined && (piece !== '' || at >= 0)) {
        row = { t, c, kind: s, tone: '', text: '' }
        this.rows.push(row)
      }
      if (row !== undefined) row.text += piece
      if (at < 0) break
      row = undefined
      from = at + 1
    }
    if (row === undefined) this.#open.delete(key)
    else this.#open.set(key, row)
  }

  event(t: number, c: number, text: string, tone: Line['tone'] = ''): void {
    this.rows.push({ t, c, kind: 'event', tone, text })
  }

  /** The lines in the order of their times. A line may be finished after one that began later. */
  inOrder(): Line[] {
    const { rows } = this
    return rows.some((row, index) => index > 0 && row.t < rows[index - 1]!.t)
      ? rows.toSorted((a, b) => a.t - b.t)
      : rows
  }
}

/** The rows without the middle, if there are too many. */
export function withoutMiddle(rows: readonly Line[]): readonly Line[] {
  const dropped = rows.length - mostFirst - mostLast
  if (dropped <= 0) return rows
  const { t } = rows[mostFirst]!
  const text = `… ${dropped} lines are in this file, and not shown …`
  return [...rows.slice(0, mostFirst), { t, c: 0, kind: 'event', tone: '', text }, ...rows.slice(-mostLast)]
}

/**
 * The output of a terminal draws and is not meant to be read. Each run of it becomes one line, unless the reader asks
 * for it.
 */
export function foldTerminals(rows: readonly Line[], model: TraceModel): readonly Line[] {
  const terminals = new Set(model.commands.filter(({ terminal }) => terminal).map(({ number }) => number))
  if (terminals.size === 0) return rows
  const folded: Line[] = []
  let open: Line | undefined
  let lines = 0
  for (const row of rows) {
    if (row.kind !== 'stdout' || !terminals.has(row.c)) {
      open = undefined
      folded.push(row)
      continue
    }
    if (open?.c !== row.c) {
      open = { t: row.t, c: row.c, kind: 'fold', tone: '', text: '' }
      lines = 0
      folded.push(open)
    }
    lines += 1
    open.text = `drew on its screen (${lines} ${lines === 1 ? 'line' : 'lines'} of raw output)`
  }
  return folded
}
