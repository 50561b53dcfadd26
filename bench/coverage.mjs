// What `coverage: true` costs a command, compared with what Node itself takes to write its coverage.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProctor } from 'proctor'
import { print, isShort, sideBySide } from './side-by-side.mjs'

const none = { env: { NODE_V8_COVERAGE: undefined } }
const ready = "console.log('ready'); process.stdin.resume()"

async function exits(options) {
  const proctor = await createProctor()
  await proctor.run('node', ['-e', '0'], options).waitForSuccessfulExit()
  await proctor.teardown()
}

async function isKilled(options) {
  const proctor = await createProctor()
  const command = proctor.run('node', ['-e', ready], options)
  await command.waitForOutput('ready')
  await command.kill()
  await proctor.teardown()
}

export async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-bench-'))
  process.env.NODE_V8_COVERAGE = folder
  const empty = () => readdirSync(folder).forEach((name) => rmSync(join(folder, name)))
  const task = (act) => ({ run: act, afterEach: empty })
  try {
    const options = { rounds: isShort ? 1 : 6, time: 500, iterations: 5 }
    const exit = {
      'node -e 0': task(() => exits(none)),
      'NODE_V8_COVERAGE alone': task(() => exits({})),
      'coverage: true': task(() => exits({ coverage: true })),
    }
    const kill = {
      'a Node that is ready, killed': task(() => isKilled(none)),
      'NODE_V8_COVERAGE alone, which then has nothing': task(() => isKilled({})),
      'coverage: true': task(() => isKilled({ coverage: true })),
    }
    const results = { exit: await sideBySide(exit, options), kill: await sideBySide(kill, options) }
    print('Coverage of a command that exits', results.exit)
    print('Coverage of a command that is killed', results.kill)
    return results
  } finally {
    delete process.env.NODE_V8_COVERAGE
    rmSync(folder, { recursive: true })
  }
}
