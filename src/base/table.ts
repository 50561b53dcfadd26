/** The characters before a row of a tree. */
export const branch = (index: number, rows: number): string => (index === rows - 1 ? '└─' : '├─')

/** How many rows of a tree are shown. A storm of forks has thousands, which nobody would read. */
const mostRows = 500

/** The first rows of a tree. If there are too many, the last line says how many more there are. */
export function firstRows(rows: readonly string[]): readonly string[] {
  if (rows.length <= mostRows) return rows
  return [...rows.slice(0, mostRows - 1), `  ${branch(0, 1)} and ${rows.length - mostRows + 1} more`]
}

/**
 * Aligns the columns of rows, with `separators` between them. A cell for which `isLoose` is true does not make its
 * column wider.
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

/** Aligns a command and what it left. The third cell of the command's own row does not make its column wider. */
export const alignTree = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
  separators: readonly string[] = ['  ', '  ', '  '],
): string[] => {
  const isLoose = (row: number, column: number): boolean => row === 0 && column === 2
  const [title = '', ...lines] = alignColumns([head, ...rows], separators, isLoose).map((line) => `  ${line}`)
  return [title, ...firstRows(lines)]
}
