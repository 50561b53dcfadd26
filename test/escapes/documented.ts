import { readFileSync, writeFileSync } from 'node:fs'
import { inRoot } from '../inner-run.js'
import { escapes, inNamespace, notRun } from './cases.js'

const file = inRoot('docs/escapes.md')
const columns = ['strict kill', 'strict teardown', 'basic kill', 'basic teardown', 'guardian'] as const

const preface = `# Escapes

This page lists what a program can do to get away, and what happened to it. A run of \`test/escapes\` has written it
(\`PROCTOR_WRITE_DOCS=1 npx vitest run test/escapes\`). Every other run of these tests compares its results with this page.
The kernel is the witness: a process's start time in \`/proc\`, and the end of file of a pipe that the program holds open.

- **dead**: no process of the program was left when the call resolved.
- **dead, blamed**: the same, and teardown failed the test and named the process.
- **refused**: the call rejected and said why.
- **dead or refused**: one or the other, depending on the run. The call never resolved while a process was alive.
- **left alone**: a stranger, which proctor must not signal, and did not.
- **not found**: the process kept running, and the call did not say so. This happens only in \`basic\` without the second
  mark, and in a worker thread if the program escapes in its first moment (9, 12, 18, 23f to 23h, 39, 41, 42, 44). Threads
  share their limits, so a program there gets the second mark only after it has started. The [guard](guard.md#limits)
  finds what escapes so, at the end of the test or of the run. If it keeps forking, the call may also be **refused**.

The last column is not a call. The worker gets SIGKILL while the commands run, and its guardian ends what they have
left. What the guardian may not signal keeps its record, and \`proctor ps\` names it. The storms are tried one by one when
this page is written, and are left out otherwise.

If the leader has exited before, \`kill()\` ends what is left and then reports that it had exited.
`

const head =
  '| | case | `strict`: `kill()` | `strict`: `teardown()` | `basic`: `kill()` | `basic`: `teardown()` | guardian |'

/** Writes the table. A cell that this run did not observe stays as it was. */
export function writeTable(observations: ReadonlyMap<string, string>): void {
  const before = readCells()
  const rows = [...escapes, ...inNamespace].map((escape) => {
    const cells = columns.map((column) => {
      const key = `${escape.id} ${column}`
      return observations.get(key) ?? (before.get(key) || '–')
    })
    return `| ${escape.id} | ${escape.title} | ${cells.join(' | ')} |`
  })
  const missing = notRun.map(({ id, title, reason }) => `- ${id} ${title}: ${reason}.`)
  const table = [head, '| --- | --- | --- | --- | --- | --- | --- |', ...rows].join('\n')
  writeFileSync(file, `${preface}\n${table}\n\nNot run:\n\n${missing.join('\n')}\n\nNext: [cost](cost.md).\n`)
}

/** The lines in which the table and the observations differ. */
export function compareTable(observations: ReadonlyMap<string, string>): string[] {
  const documented = readCells()
  return [...observations].flatMap(([key, observed]) => {
    const word = documented.get(key)
    return word === observed ? [] : [`${key}: documented as ${word ?? 'nothing'}, observed ${observed}`]
  })
}

function readCells(): Map<string, string> {
  const cells = new Map<string, string>()
  for (const line of readLines()) {
    const [id, , ...words] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    columns.forEach((column, index) => cells.set(`${id} ${column}`, words[index] ?? ''))
  }
  return cells
}

function readLines(): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => /^\| \d/.test(line))
  } catch {
    return [] // Not written yet.
  }
}
