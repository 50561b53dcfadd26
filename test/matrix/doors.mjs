// The doors of this package beside its first two, Vitest's and Jest's fixtures: each with a clean test, a leak, a leak
// beside the test's own error, and a worker that is killed. The examples of a door's page run here too, where no other
// test has its runner.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { alive, killWorker, must, root, run, uniqueNumber, work, workspacesIn } from './cells.mjs'

const bin = (name) => `node_modules/.bin/${name}`

export const doors = [
  {
    name: 'bun test',
    packages: ['bun@1.4', '@types/node@22'],
    nodes: ['its own'],
    files: ['bun.test.ts'],
    page: 'docs/bun.md',
    start: (_, files) => [bin('bun'), ['test', ...files]],
  },
  {
    name: 'deno test',
    packages: ['deno@2.9', '@types/node@22'],
    nodes: ['its own'],
    files: ['deno.test.ts'],
    page: 'docs/deno.md',
    start: (_, files) => [bin('deno'), ['test', '--allow-all', ...files]],
  },
]

/** The examples of a page: each block of code begins with the name of its file. */
const examplesOf = (page) =>
  [...readFileSync(join(root, page), 'utf8').matchAll(/^```\w+\n\/\/ (\S+)\n([^]*?)^```$/gm)].map(([, name, text]) => ({
    name,
    text,
  }))

/** A project with the tests of a door. */
export async function makeDoor({ name, packages, files, page }, tarball) {
  const folder = join(work, name.replaceAll(/\W+/g, '-'))
  mkdirSync(folder)
  for (const file of ['commands.mjs', ...files])
    cpSync(join(root, 'fixtures/consumers/doors', file), join(folder, file))
  for (const example of page === undefined ? [] : examplesOf(page)) {
    writeFileSync(join(folder, example.name), example.text)
  }
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n')
  await must('npm', ['install', '--loglevel=error', '--no-audit', '--no-fund', tarball, ...packages], { cwd: folder })
  return folder
}

const blame = /1 process outlived (?:its command|the test)[^]*?and was killed/g
const greenMark = String.raw`(?:✔|✓|ok|\(pass\))`
const redMark = String.raw`(?:✖|✗|✘|✕|×|FAILED|\(fail\))`
const has = (output, mark, title) => new RegExp(`${mark}.*${title}|${title} .*${mark}`).test(output)

/** What is wrong with what the runner printed. */
function misjudged({ code, output }) {
  const wrong = code === 0 || code === null ? [`exit code ${code}`] : []
  if (!has(output, greenMark, 'a command')) wrong.push('the clean test is not green')
  for (const title of ['leaks a daemon', 'fails and leaks']) {
    if (!has(output, redMark, title)) wrong.push(`${title}: not red`)
  }
  if (!output.includes('the own error')) wrong.push('the own error is not there')
  if ((output.match(blame) ?? []).length < 2) wrong.push('not both leaks are named')
  return wrong
}

/** Records that others may read or write. */
const openRecords = (temporary) =>
  readdirSync(temporary)
    .filter((name) => /^proctor-\d+$/.test(name))
    .flatMap((name) => readdirSync(join(temporary, name)).map((each) => join(temporary, name, each)))
    .filter((path) => (statSync(path, { throwIfNoEntry: false })?.mode & 0o077) !== 0)

/** One cell of a door. Returns what is wrong. */
export async function runDoor(door, folder, binaries) {
  const { start, files, page } = door
  const number = uniqueNumber()
  const temporary = mkdtempSync(join(work, 'tmp-'))
  const env = { TMPDIR: temporary, MATRIX_NUMBER: number, PATH: `${binaries}${delimiter}${process.env.PATH}` }
  const left = () => [...alive(number).map((pid) => `process ${pid}`), ...workspacesIn(temporary)]
  const result = await run(...start(binaries, files), { cwd: folder, env })
  const wrong = misjudged(result)
  if (wrong.length > 0) wrong.push(result.output.slice(-3000))
  if (left().length > 0) wrong.push(`left: ${left().join(', ')}`)
  if (openRecords(temporary).length > 0) wrong.push('others may read a record')
  wrong.push(...(await killWorker({ command: start(binaries, files), folder, env, temporary, left })))
  const examples = page === undefined ? [] : examplesOf(page).map(({ name }) => name)
  if (examples.length > 0) {
    const { code, output } = await run(...start(binaries, examples), { cwd: folder, env })
    if (code !== 0) wrong.push(`the examples of ${page}:\n${output.slice(-2000)}`)
  }
  rmSync(temporary, { recursive: true, force: true })
  return wrong
}
