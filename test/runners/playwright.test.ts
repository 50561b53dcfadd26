import { existsSync, readFileSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { inRoot, startInner } from '../inner-run.js'
import { findByCommandLine, makeFolder, removeFolder, uniqueNumber } from '../machine.js'

interface Result {
  readonly status: string
  readonly errors: readonly { readonly message: string }[]
  readonly attachments: readonly { name: string; contentType: string; path?: string; body?: string }[]
}

interface Suite {
  readonly suites?: readonly Suite[]
  readonly specs: readonly { title: string; ok: boolean; tests: readonly { results: readonly Result[] }[] }[]
}

const folder = makeFolder()
afterAll(() => removeFolder(folder))

const specsOf = ({ suites = [], specs }: Suite): Suite['specs'] => [...specs, ...suites.flatMap(specsOf)]

/** Each test of a run, with its only attempt. */
async function runPlaywright(number: string): Promise<Map<string, Result & { ok: boolean }>> {
  const args = [inRoot('node_modules/@playwright/test/cli.js'), 'test', '--reporter=json']
  const { stdout, output } = await startInner(process.execPath, args, {
    cwd: inRoot('fixtures/suites/playwright'),
    env: { SUITE_NUMBER: number, SUITE_OUTPUT: folder },
  }).result
  if (!stdout.startsWith('{')) throw new Error(output)
  const specs = specsOf({ ...(JSON.parse(stdout) as Suite), specs: [] })
  return new Map(specs.map(({ title, ok, tests }) => [title, { ok, ...tests[0]!.results[0]! }]))
}

test('proctor/playwright: fixtures, options, verdicts beside the test’s own, attachments', async () => {
  const number = uniqueNumber()
  const tests = await runPlaywright(number)

  const verdicts = Object.fromEntries(
    [...tests].map(([title, { ok, status }]) => [title, `${ok ? 'ok' : 'not ok'}, ${status}`]),
  )
  expect(verdicts).toEqual({
    'a command': 'ok, passed',
    'uses what the test has started': 'ok, passed',
    'are a block’s': 'ok, passed',
    'shares a server: one': 'ok, passed',
    'shares a server: two': 'ok, passed',
    'is to fail, and does': 'ok, failed',
    'is to fail, does, and leaks': 'not ok, failed',
    'fails and leaks': 'not ok, failed',
  })
  const { errors, attachments } = tests.get('fails and leaks')!
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringContaining('the own error'),
    expect.stringMatching(new RegExp(`1 process outlived its command and was killed[^]*sleep ${number}`)),
  ])
  const [trace, commands] = attachments
  expect([trace?.name, trace?.contentType]).toEqual(['proctor-trace', 'text/html'])
  expect(existsSync(trace!.path!) && readFileSync(trace!.path!, 'utf8')).toContain('beside the error')
  expect(Buffer.from(commands?.body ?? '', 'base64').toString()).toMatch(/^The test ran 2 commands[^]*beside the error/)
  expect(findByCommandLine(number)).toEqual([])
})
