// What a guard costs tests that start programs: fixtures/suites/guard-bench with the guard and without it, in turns.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { goal, isShort, print, summary } from './side-by-side.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const variants = {
  'Vitest alone': { WITH_GUARD: '0' },
  'with the guard, strict': { WITH_GUARD: '1' },
  'with the guard, basic': { WITH_GUARD: '1', PROCTOR_GUARD_CONTAINMENT: 'basic' },
}

/** The milliseconds that all tests of the suite take, including their hooks. */
async function measure(folder, environment) {
  const report = join(folder, 'report.json')
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--root', 'fixtures/suites/guard-bench']
  await promisify(execFile)(process.execPath, [...args, '--reporter=json', `--outputFile=${report}`], {
    cwd: root,
    env: { ...process.env, ...environment },
  })
  const [{ startTime, endTime }] = JSON.parse(readFileSync(report, 'utf8')).testResults
  return endTime - startTime
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  try {
    const times = Object.fromEntries(Object.keys(variants).map((name) => [name, []]))
    for (let round = 0; round < (isShort ? 3 : 7); round += 1) {
      for (const [name, environment] of Object.entries(variants)) times[name].push(await measure(folder, environment))
    }
    const results = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, summary(all)]))
    print('155 tests that start programs', results)
    const alone = results['Vitest alone'].median
    for (const [name, { median }] of Object.entries(results).slice(1))
      goal(`${name} / Vitest alone`, median / alone, 'at most', 1.1)
    return results
  } finally {
    rmSync(folder, { recursive: true })
  }
}
