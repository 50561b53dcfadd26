import { mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createProctor, type TerminalProcess } from 'proctor'
import { expect } from 'proctor/vitest'
import { onTestFinished, test, vi } from 'vitest'
import { inRoot, runVitest, startInner } from '../inner-run.js'
import { rejectionOf } from '../rejection.js'

test.each([
  ['Return', 'Enter'],
  ['Down', 'ArrowDown'],
  ['ctrl-c', 'Ctrl+C'],
  ['ctrl+c', 'Ctrl+C'],
  ['^C', 'Ctrl+C'],
  ['Esc', 'Escape'],
  ['Option+enter', 'Alt+Enter'],
])('press(%o): did you mean %o?', async (given, meant) => {
  const proctor = await createProctor()
  onTestFinished(async () => void (await proctor.teardown()))
  const cat = proctor.run('cat', [], { terminal: true })

  expect((await rejectionOf(cat.press(given))).message).toContain(
    `press: ${JSON.stringify(given)} is no key that is known here: did you mean '${meant}'? Known are Enter,`,
  )
})

test('a call that needs a terminal says how to get one', async () => {
  const proctor = await createProctor()
  onTestFinished(async () => void (await proctor.teardown()))
  const cat = proctor.run('cat') as TerminalProcess

  for (const name of ['press', 'waitForScreen', 'resize'] as const) {
    expect(() => (cat[name] as (key: string) => unknown)('x')).toThrow(
      `${name}: cat has no terminal. Start it in one: run(…, { terminal: true }).`,
    )
  }
})

test('a pid file elsewhere is named as it was given', async () => {
  const proctor = await createProctor()
  onTestFinished(async () => void (await proctor.teardown()))
  const cat = proctor.run('cat')
  const error = await rejectionOf(expect(cat).toBeAlive('/run/server.pid'))

  expect(error.message).toBe(
    `"/run/server.pid" leaves the workspace ${proctor.workspace.path}. A pid file is named relative to the command's cwd: have the program write it there.`,
  )
})

test('a missing TMPDIR gives one sentence', async () => {
  const script = `import('proctor').then(({ createProctor }) => createProctor()).catch((error) => console.log(String(error)))`
  const { output } = await startInner(process.execPath, ['-e', script], {
    cwd: inRoot(''),
    env: { TMPDIR: '/nowhere', NODE_OPTIONS: '' },
  }).result

  expect(output).toContain(
    'WorkspaceError: TMPDIR is "/nowhere", and there is no such folder: make it, or let TMPDIR name another one.',
  )
})

test('a trace that cannot be written is a warning once a run, and the verdict is the test’s', async () => {
  const temporary = mkdtempSync(join(tmpdir(), 'proctors-test-'))
  onTestFinished(() => rmSync(temporary, { recursive: true }))
  // A file in the folder's place stops every user, even root.
  const { output, exitCode } = await runVitest('untraceable', { env: { TMPDIR: temporary } })

  expect(exitCode).toBe(0)
  expect(output).toMatch(/Tests {2}4 passed/)
  const said = output.match(/proctor: No trace can be written to .*/g)
  expect(said).toHaveLength(1)
  expect(said![0]).toMatch(/traceDir names another folder, trace: 'off' says that none is wanted\.$/)
  // A worker's guardian may outlive the run for a moment.
  await vi.waitFor(() => expect(readdirSync(temporary)).toEqual([]), { timeout: 10_000 })
}, 60_000)

/** A link that leads nowhere. */
function givenLink(): string {
  const folder = mkdtempSync(join(tmpdir(), 'proctors-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const link = join(folder, 'link')
  symlinkSync('/nowhere', link)
  return link
}

const procfsTakesNone = process.getuid?.() === 0 ? 'no folder can be made in /proc' : 'EACCES'

test.runIf(process.platform === 'linux').each([
  ['a link that leads nowhere', givenLink, 'ENOENT'],
  ['a folder in /proc', (): string => '/proc/traces/of-tests', procfsTakesNone],
])('%s is no folder for traces', async (_what, given, reason) => {
  const path = given()
  const script = `import('proctor').then(async ({ createProctor }) => {
    const proctor = await createProctor({ trace: 'on', traceDir: ${JSON.stringify(path)} })
    await proctor.run('true').waitForExit()
    await proctor.teardown()
  })`
  const env = { NODE_OPTIONS: '' }
  const { output } = await startInner(process.execPath, ['-e', script], { cwd: inRoot(''), env }).result
  expect(output).toContain(`proctor: No trace can be written to ${path}: ${reason}`)
  expect(output).toContain('traceDir names another folder')
})

test.each(['proctor/vitest', 'proctor/vitest/guard'])('require(%o) says what to write instead', (name) => {
  expect(() => createRequire(import.meta.url)(name) as unknown).toThrow(
    /cannot be required\. In Vitest: import \{ expect, test \} from 'proctor\/vitest'\. In Jest: require\('proctor\/jest'\)/,
  )
})
