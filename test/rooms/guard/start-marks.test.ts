import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { isMainThread } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { childLedger } from '../../../src/containment/child-ledger.js'
import { StartMarks } from '../../../src/guard/start-marks.js'

// Each child carries the second mark of its own start, and not that of the next one.

test.runIf(isMainThread && process.platform === 'linux')(
  'the limit and the environment of a child name the same start',
  async () => {
    const marks = new StartMarks('PROCTORS_TEST_MARK')
    let announced = 0
    const stopListening = childLedger().open(() => marks.carry((announced += 1) + 1))
    const children: ChildProcess[] = []
    onTestFinished(() => {
      stopListening()
      marks.close()
      delete process.env['PROCTORS_TEST_MARK']
      for (const child of children) child.kill('SIGKILL')
    })
    const start = (): ChildProcess => {
      const child = spawn('sleep', ['60'], { stdio: 'ignore' })
      children.push(child)
      return child
    }
    marks.carry(1)
    // Two in one turn of the event loop, and one in another.
    const [first, second] = [start(), start()]
    await new Promise(setImmediate)
    const third = start()
    for (const [index, { pid }] of [first, second, third].entries()) {
      expect(marks.read(pid!, undefined)).toEqual({ kind: 'start', number: index + 1 })
    }
    await new Promise(setImmediate)
    // What Node does not announce carries the number of the start that comes next, by which nothing is known yet.
    const limits = execFileSync('cat', ['/proc/self/limits'], { encoding: 'utf8' })
    start()
    const own = execFileSync('grep', ['locks', `/proc/${children.at(-1)!.pid}/limits`], { encoding: 'utf8' })
    expect(limits).toContain(own.trim())
  },
)
