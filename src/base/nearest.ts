/** The least number of characters that are put in, taken out or exchanged to make one text of another. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (const [line, character] of one.split('').entries()) {
    const above = row
    row = [line + 1]
    for (let at = 0; at < other.length; at++) {
      row.push(Math.min(row[at]! + 1, above[at + 1]! + 1, above[at]! + (other[at] === character ? 0 : 1)))
    }
  }
  return row[other.length]!
}

/** Whether the characters of a text are all in another one, in their order: `cols` in `columns`. */
function isShortFor(short: string, long: string): boolean {
  let at = -1
  return short.length > 2 && short.split('').every((character) => (at = long.indexOf(character, at + 1)) >= 0)
}

/** The one of the names that was most likely meant. */
export function nearestOf(given: string, names: readonly string[]): string | undefined {
  const small = given.toLowerCase()
  const most = Math.min(2, Math.floor(small.length / 3))
  const [best] = names
    .map((name) => ({ name, distance: distance(small, name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
  if (best !== undefined && best.distance <= most) return best.name
  return names.find((name) => isShortFor(small, name.toLowerCase()) || isShortFor(name.toLowerCase(), small))
}
