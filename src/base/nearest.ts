import leven from 'leven'

/** Whether another text contains all characters of a text in the same order: `cols` in `columns`. */
function isShortFor(short: string, long: string): boolean {
  let at = -1
  return short.length > 2 && short.split('').every((character) => (at = long.indexOf(character, at + 1)) >= 0)
}

/** The one of the names that was probably meant. */
export function nearestOf(given: string, names: readonly string[]): string | undefined {
  const small = given.toLowerCase()
  const most = Math.min(2, Math.floor(small.length / 3))
  const [best] = names
    .map((name) => ({ name, distance: leven(small, name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
  if (best !== undefined && best.distance <= most) return best.name
  return names.find((name) => isShortFor(small, name.toLowerCase()) || isShortFor(name.toLowerCase(), small))
}
