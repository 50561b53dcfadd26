// What the guard costs a test that starts nothing: a file of many tests, with the guard and without it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeConsumer, runVitest } from './consumer.mjs'
import { goal, isShort, print, summary } from './side-by-side.mjs'

const tests = 2000

export async function run() {
  const folder = makeConsumer()
  try {
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
      await runVitest(folder, ['--reporter=dot'], isGuarded ? { GUARD: '1' } : {})
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
