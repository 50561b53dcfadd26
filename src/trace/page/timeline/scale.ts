// The times in view, and where they are drawn.

const steps = [1, 2, 5]

/** A round distance between the lines of the grid, so that about `most` of them are in view. */
export function gridStep(span: number, most: number): number {
  let power = 10 ** Math.floor(Math.log10(span / most))
  for (;;) {
    for (const step of steps) if (step * power * most >= span) return step * power
    power *= 10
  }
}

/** A time as it is written beside a grid with this step. */
export function gridLabel(t: number, step: number): string {
  if (t === 0) return '0'
  if (step >= 1000) return `${Math.round(t / 1000)} s`
  return t >= 1000 ? `${(t / 1000).toFixed(step >= 100 ? 1 : step >= 10 ? 2 : 3)} s` : `${Number(t.toFixed(2))} ms`
}

/** The times in view. They can be moved and zoomed within the whole. */
export class View {
  /** The length of the whole, in ms. */
  readonly span: number
  from = 0
  to = 0

  constructor(span: number) {
    this.span = span
    this.fit()
  }

  /** Shows everything, with some room for the text after a bar's end. */
  fit(): void {
    this.from = 0
    this.to = this.span * 1.17
  }

  /** Makes the range in view `factor` times as long, around a time that stays in its place. */
  zoom(factor: number, around = (this.from + this.to) / 2): void {
    const length = Math.min(this.span * 1.17, Math.max(this.span / 5000, 0.05, (this.to - this.from) * factor))
    const part = (around - this.from) / (this.to - this.from)
    this.from = around - part * length
    this.to = this.from + length
    this.#keepWithin()
  }

  /** Moves by a part of the range in view. */
  pan(part: number): void {
    const by = part * (this.to - this.from)
    this.from += by
    this.to += by
    this.#keepWithin()
  }

  /** Brings a time into view. */
  reveal(t: number): void {
    if (t >= this.from && t <= this.to) return
    const length = this.to - this.from
    this.from = t - length / 3
    this.to = this.from + length
    this.#keepWithin()
  }

  #keepWithin(): void {
    const most = this.span * 1.17
    if (this.from < 0) [this.from, this.to] = [0, this.to - this.from]
    if (this.to > most) [this.from, this.to] = [Math.max(0, this.from - (this.to - most)), most]
  }
}
