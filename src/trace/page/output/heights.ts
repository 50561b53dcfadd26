/** How high the rows of a list are, and so where each is. All alike until one was measured. */
export class Heights {
  readonly length: number
  readonly #usual: number
  /** What rows are higher than usual, as a tree of sums: row `i` is in every node that covers it. */
  readonly #more: Float64Array

  constructor(length: number, usual: number) {
    this.length = length
    this.#usual = usual
    this.#more = new Float64Array(length + 1)
  }

  get total(): number {
    return this.top(this.length)
  }

  /** Where a row begins. */
  top(index: number): number {
    let sum = index * this.#usual
    for (let node = index; node > 0; node -= node & -node) sum += this.#more[node]!
    return sum
  }

  /** Remembers a row's height. Returns whether it was another one. */
  set(index: number, height: number): boolean {
    const by = height - (this.top(index + 1) - this.top(index))
    if (Math.abs(by) < 0.5) return false
    for (let node = index + 1; node <= this.length; node += node & -node) this.#more[node]! += by
    return true
  }

  /** The row that is at this place. */
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
