/** What stands before a row of a tree. */
export const branch = (index: number, rows: number): string => (index === rows - 1 ? '└─' : '├─')

/** Rows of a tree that are shown: of a storm of forks thousands are known, and who reads them? */
const mostRows = 500

/** The rows of a tree, and in place of those that are too many how many they are. */
export function firstRows(rows: readonly string[]): readonly string[] {
  if (rows.length <= mostRows) return rows
  return [...rows.slice(0, mostRows - 1), `  ${branch(0, 1)} and ${rows.length - mostRows + 1} more`]
}

/**
 * Rows with their columns one below the other. `separators` stand between the columns. A cell for which `isLoose` says
 * so stands alone: it does not push the rest of its column aside.
 */
export function alignColumns(
  rows: readonly (readonly string[])[],
  separators: readonly string[],
  isLoose: (row: number, column: number) => boolean = () => false,
): string[] {
  const widthOf = (column: number): number =>
    Math.max(0, ...rows.map((cells, row) => (isLoose(row, column) ? 0 : cells[column]!.length)))
  const widths = separators.map((_, column) => widthOf(column))
  return rows.map((cells) =>
    cells
      .map((cell, column) => `${cell.padEnd(widths[column] ?? 0)}${separators[column] ?? ''}`)
      .join('')
      .trimEnd(),
  )
}

/** A command and what it left: the third cell of the command's own row stands alone. */
export const alignTree = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
  separators: readonly string[] = ['  ', '  ', '  '],
): string[] => {
  const isLoose = (row: number, column: number): boolean => row === 0 && column === 2
  const [title = '', ...lines] = alignColumns([head, ...rows], separators, isLoose).map((line) => `  ${line}`)
  return [title, ...firstRows(lines)]
}
