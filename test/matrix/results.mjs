// The results of the cells, printed as each cell ends and as a table.

const isTerminal = process.stderr.isTTY === true
const progress = (text) => process.stderr.write(isTerminal ? `\u001B[2K\r${text}` : `${text}\n`)

/** Matches another project's package that its registry does not have, so that nobody can install what needs it. */
const missing = /^.*(?:YN0035|\bE404\b|ERR_PNPM_FETCH_404).*$/m
const isOurs = (line) => /proctor|koffi/i.test(line)

export class Results {
  #begin = Date.now()
  /** The results, by row and by column. */
  #table = new Map()
  #notes = []
  #counts = { passed: 0, failed: 0, skipped: 0 }

  /** Adds a cell that is still to run, or one that cannot exist. */
  expect(row, column, isLeftOut) {
    this.#set(row, column, isLeftOut ? '-' : '')
  }

  #set(row, column, text) {
    if (!this.#table.has(row)) this.#table.set(row, new Map())
    this.#table.get(row).set(column, text)
  }

  #add(row, column, outcome, lines, seconds) {
    const text = { passed: 'ok', failed: 'FAILED', skipped: 'skipped' }[outcome]
    this.#set(row, column, text)
    this.#counts[outcome] += 1
    if (lines.length > 0) this.#notes.push(`${row}, ${column}: ${outcome}\n${lines.join('\n').replaceAll(/^/gm, '  ')}`)
    progress(`${text.padEnd(7)} ${row}, ${column}${seconds === undefined ? '' : `, ${seconds} s`}`)
  }

  note(row, column, wrong, seconds) {
    this.#add(row, column, wrong.length === 0 ? 'passed' : 'failed', wrong, seconds)
  }

  noteTime(what, seconds) {
    progress(`        ${what}, ${seconds} s`)
  }

  /** Notes an installation that failed. */
  noteInstallation(row, column, message) {
    const [line] = missing.exec(message) ?? []
    if (line === undefined || isOurs(line)) this.note(row, column, [message])
    else this.#add(row, column, 'skipped', [`a package of others is not in its registry: ${line.trim()}`])
  }

  /** Returns the exit code. */
  print() {
    if (isTerminal) progress('')
    const isInstaller = (cells) => cells.has('vitest') || (cells.has('jest') && cells.size === 1)
    const rows = [...this.#table]
    this.#printTable(rows.filter(([, cells]) => !isInstaller(cells)))
    this.#printTable(rows.filter(([, cells]) => isInstaller(cells)))
    for (const each of this.#notes) console.log(`${each}\n`)
    const { passed, skipped, failed } = this.#counts
    const seconds = Math.round((Date.now() - this.#begin) / 1000)
    console.log(`${passed} passed, ${skipped} skipped, ${failed} failed in ${seconds} s`)
    return failed === 0 ? 0 : 1
  }

  #printTable(rows) {
    if (rows.length === 0) return
    const columns = [...new Set(rows.flatMap(([, cells]) => [...cells.keys()]))].toSorted(inOrder)
    const width = Math.max(20, ...rows.map(([row]) => row.length)) + 2
    const line = (row, texts) => `${row.padEnd(width)}${texts.map((text) => text.padEnd(9)).join('')}`.trimEnd()
    console.log(`\n${line('', columns)}`)
    for (const [row, cells] of rows)
      console.log(
        line(
          row,
          columns.map((column) => cells.get(column) ?? ''),
        ),
      )
    console.log()
  }
}

const order = ['Node', 'types', 'its own', 'vitest', 'jest']
const rank = (column) => order.findIndex((each) => column.startsWith(each))
const inOrder = (a, b) => rank(a) - rank(b) || a.localeCompare(b)
