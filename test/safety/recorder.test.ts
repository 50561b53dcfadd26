import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inRoot, startInner } from '../inner-run.js'
import { isRunning, makeFolder, removeFolder } from '../machine.js'

// The negative control of the recorder: it does notice a forbidden signal. A stand-in for this package, in a folder
// `dist`, sends a harmless signal to a bystander.

test('the recorder distinguishes a bystander from a process of a command', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const bystander = spawn('sleep', ['86399'], { detached: true, stdio: 'ignore' })
  onTestFinished(() => void bystander.kill('SIGKILL'))
  mkdirSync(join(folder, 'dist'))
  const { writeFile } = await import('node:fs/promises')
  const script = join(folder, 'dist', 'sends.mjs')
  await writeFile(script, `process.kill(${bystander.pid}, 'SIGCONT')\n`)
  const env = { PROCTOR_TEST_RECORD: folder, PROCTOR_TEST_RECORD_SINCE: '0' }
  const args = ['--require', inRoot('test/safety/recorder.cjs'), script]
  const run = startInner(process.execPath, args, { env: { ...env, NODE_OPTIONS: '' } })
  expect((await run.result).exitCode).toBe(0)
  expect(readFileSync(join(folder, `${run.child.pid}.log`), 'utf8')).toMatch(/^!a bystander: sleep 86399/)
  expect(isRunning(bystander.pid!)).toBe(true)
})
