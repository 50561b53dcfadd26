import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { ChildLedger, childLedger } from '../../../src/containment/child-ledger.js'

test('knows the children that Node has started and not waited for, while somebody reads it', async () => {
  const ledger = new ChildLedger()
  const close = ledger.open()
  onTestFinished(close)
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  const failed = spawn('/no/such/program')
  failed.on('error', () => {})
  expect(ledger.has(child.pid!)).toBe(true)
  expect(ledger.has(4_194_304)).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(ledger.has(child.pid!)).toBe(false)

  close()
  const unseen = spawn('sleep', ['60'], { stdio: 'ignore' })
  expect(ledger.has(unseen.pid!)).toBe(false)
  unseen.kill('SIGKILL')
  await once(unseen, 'exit')
})

test('has one subscription for all who read it, and tells each of start and exit', async () => {
  const ledger = new ChildLedger()
  const heard: string[] = []
  const closeFirst = ledger.open(() => () => heard.push(`the first: exit ${ledger.has(child.pid!)}`))
  const closeSecond = ledger.open((started) => {
    heard.push(`the second: start ${started.pid} ${/child-ledger\.test/.test(ledger.callSite().stack ?? '')}`)
  })
  const closeThird = ledger.open(() => void heard.push('the third: start'))
  closeThird()
  closeThird()
  const child = spawn('true', { stdio: 'ignore' })
  child.prependListener('exit', () => heard.push('a listener of the test'))
  closeFirst()
  const other = spawn('true', { stdio: 'ignore' })
  await Promise.all([once(child, 'exit'), once(other, 'exit')])
  closeSecond()
  expect(heard.toSorted()).toEqual([
    'a listener of the test',
    'the first: exit false',
    'the second: start undefined true',
    'the second: start undefined true',
  ])
  expect(childLedger()).toBe(childLedger())
})

test('is the only subscriber in the sources', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const subscribes = /\{[^}]*\bsubscribe\b[^}]*\} from 'node:diagnostics_channel'/
  const subscribers = files.filter((name) => subscribes.test(readFileSync(`src/${name}`, 'utf8')))
  expect(subscribers).toEqual(['containment/child-ledger.ts'])
})
