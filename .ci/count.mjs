// Counts what Vitest's reports in a folder say: `node .ci/count.mjs FOLDER` writes "passed failed skipped". With
// `--skipped` it names the skipped tests, with `--failed` the failed ones and what they failed of, and with `--often`,
// for reports of several runs, how often each has failed.
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

const [folder, wanted] = process.argv.slice(2)
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).testResults)

const isSkipped = ({ status }) => ['skipped', 'pending', 'todo'].includes(status)
const isFailed = ({ status }) => status === 'failed'
/** A file that failed to load has no failed test to show for it. */
const isBroken = (file) => isFailed(file) && !file.assertionResults.some(isFailed)

/** The first lines of an error, without its stack. */
const reasonOf = (message = '') =>
  message
    .split(/\n {4}at /)[0]
    .split('\n', 6)
    .join('\n  ')
    .trim()

const tests = files.flatMap(({ assertionResults }) => assertionResults)

/** Every failed test and every file that failed to load. */
const failures = files.flatMap((file) => {
  const path = relative('', file.name)
  const failed = file.assertionResults.filter(isFailed).map(({ fullName, duration, failureMessages: [message] }) => {
    const after = duration === undefined ? '' : `, after ${Math.round(duration)} ms`
    return { name: `${path} > ${fullName}`, after, message }
  })
  return isBroken(file) ? [{ name: path, after: '', message: file.message }, ...failed] : failed
})

const report = (head, message) => console.log(`${head}${reasonOf(message).replace(/^(?=.)/, '\n  ')}`)

if (wanted === '--skipped') {
  for (const { name, assertionResults } of files) {
    for (const { fullName } of assertionResults.filter(isSkipped)) {
      console.log(`skipped: ${relative('', name)} > ${fullName}`)
    }
  }
} else if (wanted === '--failed') {
  for (const { name, after, message } of failures) report(`failed: ${name}${after}`, message)
} else if (wanted === '--often') {
  const seen = new Map()
  for (const { name, message } of failures) {
    const { count, first } = seen.get(name) ?? { count: 0, first: message }
    seen.set(name, { count: count + 1, first })
  }
  for (const [name, { count, first }] of [...seen].toSorted(([, a], [, b]) => b.count - a.count)) {
    report(`${count} x ${name}`, first)
  }
} else {
  const passed = tests.filter(({ status }) => status === 'passed').length
  console.log(passed, failures.length, tests.filter(isSkipped).length)
}
