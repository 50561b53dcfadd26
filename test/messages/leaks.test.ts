import { expect, test } from 'vitest'
import { nameOf } from '../../src/base/ways-out.js'
import { KnownLeaks } from '../../src/containment/known-leaks.js'
import { runVitest } from '../inner-run.js'

test('a leak says the ways out; the next one of its command line is not waited for as long', async () => {
  const { output, exitCode } = await runVitest('leaks')
  const blockOf = (number: number): string => {
    const from = output.lastIndexOf(`leaks.test.ts > leak ${number}`)
    return output.slice(from, output.indexOf('⎯⎯⎯', from))
  }

  expect(exitCode).toBe(1)
  const helper =
    "ways out: end it in the test, by kill() or terminate() of its command; or allow it: run(…, { allow: ['helper.mjs'] })"
  expect(blockOf(1)).toContain(`\n\n${helper}\nleakTimeout: it had 2000 ms to end by itself\n`)
  const shorter =
    'leakTimeout: it had 200 ms to end by itself and not 2000, as the same command line had leaked before in this file\n'
  expect(blockOf(2)).toContain(`\n\n${helper}\n${shorter}`)
  expect(blockOf(3)).toContain(shorter)
  expect(blockOf(4)).toContain("{ allow: ['other.mjs'] })\nleakTimeout: it had 2000 ms to end by itself\n")
  // Folders are cut first: the program, its script and its arguments are printed whole.
  expect(blockOf(1)).toMatch(
    / └─ \d+ node …\/tool\/helper\.mjs --port 3000 {2}left the group \(own session\) ran \d+ ms {3}SIGTERM/,
  )
}, 60_000)

test.each([
  ['redis-server *:6391', 'redis-server'],
  ['/usr/lib/postgresql/15/bin/postgres -D x', 'postgres'],
  ['node --no-warnings /a/b/worker.mjs --port 1', 'worker.mjs'],
  ["node -e 'setInterval(() => {}, 1)'", undefined],
  ['python3.11 -u server.py', 'server.py'],
  ['sleep 60', 'sleep'],
  ["'evil\n::error::x' 60", undefined],
  ['a\u202eb 60', undefined],
])('%s is allowed by %o', (command, name) => {
  expect(nameOf(command)).toBe(name)
})

test('a command line is known again in another workspace and on another port', () => {
  const known = new KnownLeaks()
  const left = (command: string, workspace: string): { command: string; tree: { workspace: string } } => ({
    command,
    tree: { workspace },
  })
  known.remember([left('node /tmp/a/x.mjs --port 3000', '/tmp/a')])

  expect(known.timeoutFor(() => [left('node /tmp/b/x.mjs --port 4001', '/tmp/b')], 2000)).toBe(200)
  expect(known.timeoutFor(() => [left('node /tmp/b/x.mjs --port 4001', '/tmp/b')], 100)).toBe(100)
  expect(known.timeoutFor(() => [left('node /tmp/b/y.mjs --port 4001', '/tmp/b')], 2000)).toBe(2000)
  expect(known.timeoutFor(() => [], 2000)).toBe(2000)
})
