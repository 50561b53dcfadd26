// Counts what Vitest's reports in a folder say: `node .ci/count.mjs FOLDER [--skipped]` writes "passed failed skipped", or
// the skipped tests by name.
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

const tests = files.flatMap(({ assertionResults }) => assertionResults)
if (wanted === '--skipped') {
  for (const { name, assertionResults } of files) {
    for (const { fullName } of assertionResults.filter(isSkipped)) {
      console.log(`skipped: ${relative('', name)} > ${fullName}`)
    }
  }
} else {
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failed = tests.filter(isFailed).length + files.filter(isBroken).length
  console.log(passed, failed, tests.filter(isSkipped).length)
}
