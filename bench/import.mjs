// What importing the package costs a Vitest worker: alone, and with the first command.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeConsumer, runVitest } from './consumer.mjs'
import { goal, print, summary } from './side-by-side.mjs'

const files = 24

// Each file has its own worker. The two kinds of spawn take turns to come first, because a worker's first spawn is
// slower.
const testFile = (index, folder) => `
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { test } from 'vitest'

const time = async (action) => {
  const begin = performance.now()
  await action()
  return performance.now() - begin
}
const bare = () => new Promise((resolve) => spawn('true', { stdio: ['pipe', 'pipe', 'pipe'] }).once('close', resolve))

test('times', async () => {
  let door
  const added = await time(async () => { door = await import('proctor/vitest') })
  const first = () => new Promise((resolve, reject) => {
    door.fixtures.proctor({ task: { name: 'times', meta: {} }, proctorOptions: {}, onTestFinished: (end) => ends.push(end), onTestFailed() {} }, async (proctor) => {
      await proctor.run('true').waitForExit()
      resolve()
    }).catch(reject)
  })
  const ends = []
  const times = {}
  for (const [name, action] of ${index} % 2 === 0 ? [['bare', bare], ['first', first]] : [['first', first], ['bare', bare]]) {
    times[name] = await time(action)
  }
  for (const end of ends) await end()
  writeFileSync(${JSON.stringify(folder)} + '/times-${index}.json', JSON.stringify({ added, ...times }))
})
`

export async function run() {
  const folder = makeConsumer()
  try {
    for (let index = 0; index < files; index += 1) {
      writeFileSync(join(folder, `${index}.test.mjs`), testFile(index, folder))
    }
    await runVitest(folder, ['--pool=forks', '--maxWorkers=1'])
    const all = readdirSync(folder)
      .filter((name) => name.startsWith('times-'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    const results = {
      'a bare spawn of true, to its close': summary(all.map(({ bare }) => bare)),
      'the first command of a worker': summary(all.map(({ first }) => first)),
      'importing proctor/vitest after vitest': summary(all.map(({ added }) => added)),
    }
    print(`Import, in ${all.length} workers`, results)
    const [bare, first, added] = Object.values(results).map(({ median }) => median)
    goal('ms that importing proctor/vitest adds to a worker', added, 'at most', 10)
    goal('ms that the first command of a worker adds to a bare spawn', first - bare, 'at most', 80)
    return results
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
