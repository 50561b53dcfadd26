import { readFileSync, writeFileSync } from 'node:fs'
import { inRoot } from '../inner-run.js'
import { escapes, inNamespace, notRun } from './cases.js'

const file = inRoot('docs/escapes.md')
const columns = ['strict kill', 'strict teardown', 'basic kill', 'basic teardown', 'guardian'] as const

const preface = `# Escapes

What a program can do to get away, and what became of it. Written from a run of \`test/escapes\`
(\`PROCTOR_WRITE_DOCS=1 npx vitest run test/escapes\`), not from what was hoped for; every other run compares.
The witness is the kernel: a process's start time in \`/proc\`, and the end of file of a pipe that the program holds.

- **dead**: no process of it was left when the call resolved.
- **dead, blamed**: the same, and teardown failed the test and named it.
- **refused**: the call rejected and said why. Nothing is passed over.
- **dead or refused**: one or the other from run to run; never passed over while it lived.
- **left alone**: a stranger that must not be taken for the command's, and was not.
- **not found**: it ran on, and nothing was said. Only \`basic\` without the second mark has these; and, of
  a program that starts it in its first moment, a worker thread (9, 12, 18, 23f to 23h, 39, 41, 42, 44): threads share their limits,
  so there a program gets the second mark only when it runs already.

The last column is no call: the worker is SIGKILLed while the commands run, and its guardian ends what they have
left; what it may not signal keeps its record, by which \`proctor ps\` names it. Other runs leave the storms out, which are
tried one by one when this page is written.

Where the leader has exited before, \`kill()\` ends what is left and then says that it had exited.
`

const head =
  '| | case | `strict`: `kill()` | `strict`: `teardown()` | `basic`: `kill()` | `basic`: `teardown()` | guardian |'

/** Writes the table. A cell that was not observed now stays as it was. */
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
  writeFileSync(file, `${preface}\n${table}\n\nNot run:\n\n${missing.join('\n')}\n`)
}

/** The lines in which the table and what was observed differ. */
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
