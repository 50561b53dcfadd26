// What the guard costs a test that starts nothing: a file of many, with it and without it.
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { goal, isShort, print, summary } from './side-by-side.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const tests = 2000

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  try {
    const installed = join(folder, 'node_modules/proctor')
    mkdirSync(installed, { recursive: true })
    for (const name of ['dist', 'package.json']) cpSync(join(root, name), join(installed, name), { recursive: true })
    for (const name of ['vitest', '@koromix'])
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(
      join(folder, 'many.test.mjs'),
      `import { writeFileSync } from 'node:fs'
       import { expect, test } from 'vitest'
       let begin
       for (let number = 0; number < ${tests}; number += 1) {
         test('test ' + number, () => {
           begin ??= performance.now()
           if (number === ${tests - 1}) writeFileSync('took', String(performance.now() - begin))
         })
       }`,
    )
    writeFileSync(
      join(folder, 'vitest.config.mjs'),
      `export default { test: { setupFiles: process.env.GUARD ? ['proctor/vitest/guard'] : [] } }`,
    )
    const measure = async (isGuarded) => {
      const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--reporter=dot']
      const { NODE_OPTIONS: _, ...env } = process.env
      await promisify(execFile)(process.execPath, args, { cwd: folder, env: isGuarded ? { ...env, GUARD: '1' } : env })
      return Number(readFileSync(join(folder, 'took'), 'utf8'))
    }
    const [plain, guarded] = [[], []]
    for (let round = 0; round < (isShort ? 3 : 9); round += 1) {
      plain.push(await measure(false))
      guarded.push(await measure(true))
    }
    const results = { 'Vitest alone': summary(plain), 'with the guard': summary(guarded) }
    print(`${tests} tests that start nothing`, results)
    const cost = ((summary(guarded).median - summary(plain).median) / tests) * 1000
    goal('µs that the guard adds to a test that starts nothing', cost, 'at most', 50)
    return results
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
