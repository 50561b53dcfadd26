/** The heights of the rows of a list, and so their places. All rows count as equally high until they are measured. */
export class Heights {
  readonly length: number
  readonly #usual: number
  /** By how much rows are higher than usual, as a Fenwick tree: row `i` is counted in every node that covers it. */
  readonly #more: Float64Array

  constructor(length: number, usual: number) {
    this.length = length
    this.#usual = usual
    this.#more = new Float64Array(length + 1)
  }

  get total(): number {
    return this.top(this.length)
  }

  /** The place of a row's upper edge. */
  top(index: number): number {
    let sum = index * this.#usual
    for (let node = index; node > 0; node -= node & -node) sum += this.#more[node]!
    return sum
  }

  /** Stores a row's height. Returns whether it has changed. */
  set(index: number, height: number): boolean {
    const by = height - (this.top(index + 1) - this.top(index))
    if (Math.abs(by) < 0.5) return false
    for (let node = index + 1; node <= this.length; node += node & -node) this.#more[node]! += by
    return true
  }

  /** The row at this place. */
  at(y: number): number {
    let [low, high] = [0, Math.max(0, this.length - 1)]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.top(middle) <= y) low = middle
      else high = middle - 1
    }
    return low
  }
}
