// Counts what Vitest's reports in a folder say: `node .ci/count.mjs FOLDER` writes "passed failed skipped". With
// `--skipped` it names the skipped tests, and with `--failed` the failed ones, with what they failed of.
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

const report = (name, message) => console.log(`failed: ${name}${reasonOf(message).replace(/^(?=.)/, '\n  ')}`)

const tests = files.flatMap(({ assertionResults }) => assertionResults)
if (wanted === '--skipped') {
  for (const { name, assertionResults } of files) {
    for (const { fullName } of assertionResults.filter(isSkipped)) {
      console.log(`skipped: ${relative('', name)} > ${fullName}`)
    }
  }
} else if (wanted === '--failed') {
  for (const file of files) {
    const name = relative('', file.name)
    if (isBroken(file)) report(name, file.message)
    for (const { fullName, duration, failureMessages } of file.assertionResults.filter(isFailed)) {
      const after = duration === undefined ? '' : `, after ${Math.round(duration)} ms`
      report(`${name} > ${fullName}${after}`, failureMessages[0])
    }
  }
} else {
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failed = tests.filter(isFailed).length + files.filter(isBroken).length
  console.log(passed, failed, tests.filter(isSkipped).length)
}
