import { Readable } from 'node:stream'
import { spec } from 'node:test/reporters'
import { keepingAlive } from '../../base/clock.js'
import { beginRun, endRun } from '../run.js'

/**
 * A reporter for `node --test`: Node's own `spec`, and at the end of the run the work that no single file's process can
 * do. It sums up what the guards of all files have found, writes their baseline, names the traces, and sweeps the
 * machine for what the run has left.
 *
 * @example
 * // node --import proctor/node-test/guard --test --test-reporter=proctor/node-test/reporter
 */
export const report = (source: AsyncIterable<unknown>): AsyncIterable<unknown> => {
  // Node calls its reporters before it starts the first file. An arrow function, because Node calls `new` on anything
  // with a prototype.
  beginRun()
  return reportRun(source)
}

async function* reportRun(source: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  yield* Readable.from(source).pipe(new spec())
  const message = await keepingAlive(endRun())
  if (message === undefined) return
  process.exitCode = 1
  yield `\n${message}\n`
}
