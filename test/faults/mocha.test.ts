import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { cleanEnvironment, dist } from '../inner-run.js'
import { endByCommandLine, makeFolder, removeFolder, uniqueNumber } from '../machine.js'

// Mocha gives a hook two seconds and drops what it throws later, so a leak has to be there before (B13). Mocha itself
// runs in the matrix (`npm run test:matrix -- mocha`). Here is a process that looks like it, in each of the ways in
// which it can: as the program of one file, as a worker, and by what it defines for the tests.

const script = `
import { inspect } from 'node:util'
const { createProctor } = await import(${JSON.stringify(`${dist}/index.js`)})
const proctor = await createProctor()
await proctor.run('sh', ['-c', 'sleep "$1" >/dev/null 2>&1 &', 'sh', process.argv[2]]).waitForExit()
await proctor.teardown().catch((error) => console.log(inspect(error, { depth: 9 })))
`

const likeMocha: readonly (readonly [string, { file?: string; env?: NodeJS.ProcessEnv; before?: string }])[] = [
  ['its program', { file: 'node_modules/mocha/bin/mocha.mjs' }],
  ['a worker of it', { env: { MOCHA_WORKER_ID: '0' } }],
  ['what it defines', { before: 'globalThis.specify = globalThis.context = () => {}' }],
]

/** What a process that looks like Mocha prints of its leak. */
async function toldBy([, { file = 'test.mjs', env = {}, before = '' }]: (typeof likeMocha)[number]): Promise<string> {
  const [folder, number] = [makeFolder(), uniqueNumber()]
  onTestFinished(() => endByCommandLine(number))
  onTestFinished(() => removeFolder(folder))
  const path = join(folder, file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${before}\n${script}`)
  const child = spawn(process.execPath, [path, number], {
    env: cleanEnvironment(env),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return text(child.stdout)
}

test('a leak is told in the time that a hook of Mocha has, however Mocha is known', async () => {
  const told = await Promise.all(likeMocha.map(toldBy))
  const times = told.map((each) => /leakTimeout: it had \d+ ms/.exec(each)?.[0])
  expect(times).toEqual(likeMocha.map(() => 'leakTimeout: it had 500 ms'))
})
