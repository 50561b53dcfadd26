import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { UnwaitedChildren } from '../../../src/containment/child-exits.js'

test('knows the children that Node has started and not waited for, while it listens', async () => {
  const births = new UnwaitedChildren()
  births.subscribe()
  onTestFinished(() => births.unsubscribe())
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  const failed = spawn('/no/such/program')
  failed.on('error', () => {})
  expect(births.has(child.pid!)).toBe(true)
  expect(births.has(4_194_304)).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(births.has(child.pid!)).toBe(false)

  births.unsubscribe()
  const unseen = spawn('sleep', ['60'], { stdio: 'ignore' })
  expect(births.has(unseen.pid!)).toBe(false)
  unseen.kill('SIGKILL')
  await once(unseen, 'exit')
})
