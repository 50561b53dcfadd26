import { $, perFrame } from '../dom.js'
import { Heights } from './heights.js'

const usualHeight = 20

/** A list that only lays out the rows in view. */
export class LongList {
  readonly scroller = $('log')
  readonly #spacer = $('log-space')
  readonly #make: (index: number) => HTMLElement
  readonly #elements = new Map<number, HTMLElement>()
  #heights = new Heights(0, usualHeight)
  #width = 0
  #isWrapped = false
  /** Lays the rows out again, in the next frame. */
  readonly draw = perFrame(() => this.#redraw())

  constructor(make: (index: number) => HTMLElement) {
    this.#make = make
    this.scroller.addEventListener('scroll', this.draw)
    let { clientWidth } = this.scroller
    new ResizeObserver(() => {
      if (this.#isWrapped && clientWidth !== this.scroller.clientWidth) this.renew(this.#heights.length)
      ;({ clientWidth } = this.scroller)
      this.draw()
    }).observe(this.scroller)
  }

  /** Shows other rows, or the same ones again. */
  renew(length: number): void {
    if (length !== this.#heights.length || this.#isWrapped) this.#heights = new Heights(length, usualHeight)
    this.#clear()
    this.draw()
  }

  wrap(isWrapped: boolean): void {
    this.#isWrapped = isWrapped
    this.#heights = new Heights(this.#heights.length, usualHeight)
    this.#width = 0
    this.#spacer.style.minWidth = ''
    this.scroller.classList.toggle('is-wrapped', isWrapped)
    this.#clear()
    this.draw()
  }

  /** The first row in view. */
  get first(): number {
    return this.#heights.at(this.scroller.scrollTop)
  }

  reveal(index: number): void {
    const { scroller } = this
    const top = this.#heights.top(index)
    const isInView =
      top >= scroller.scrollTop + usualHeight && top <= scroller.scrollTop + scroller.clientHeight - 2 * usualHeight
    if (!isInView) scroller.scrollTop = Math.max(0, top - scroller.clientHeight / 2)
  }

  #clear(): void {
    for (const made of this.#elements.values()) made.remove()
    this.#elements.clear()
    this.#spacer.style.height = `${Math.max(usualHeight, this.#heights.total)}px`
  }

  #redraw(): void {
    const { scroller } = this
    const length = this.#heights.length
    if (length === 0) return
    // A newly measured row moves those below it, so this is repeated until nothing moves.
    for (let round = 0; round < 4; round += 1) {
      const first = Math.max(0, this.#heights.at(scroller.scrollTop) - 10)
      const last = Math.min(length - 1, this.#heights.at(scroller.scrollTop + scroller.clientHeight) + 10)
      this.#layOut(first, last)
      if (!this.#isWrapped || !this.#measure()) break
    }
    if (!this.#isWrapped) this.#widen()
  }

  #layOut(first: number, last: number): void {
    for (const [index, made] of this.#elements) {
      if (index >= first && index <= last) continue
      made.remove()
      this.#elements.delete(index)
    }
    for (let index = first; index <= last; index += 1) {
      let made = this.#elements.get(index)
      if (made === undefined) {
        made = this.#make(index)
        this.#elements.set(index, made)
        this.#spacer.append(made)
      }
      made.style.top = `${this.#heights.top(index)}px`
    }
  }

  #measure(): boolean {
    const measured = [...this.#elements].map(([index, made]) => [index, made.offsetHeight] as const)
    const hasMoved = measured.filter(([index, height]) => this.#heights.set(index, height)).length > 0
    this.#spacer.style.height = `${this.#heights.total}px`
    return hasMoved
  }

  /** The longest line seen so far decides how far one can scroll sideways. */
  #widen(): void {
    const widest = Math.max(0, ...[...this.#elements.values()].map((made) => made.scrollWidth))
    if (widest <= this.#width) return
    this.#width = widest
    this.#spacer.style.minWidth = `${widest}px`
  }
}
