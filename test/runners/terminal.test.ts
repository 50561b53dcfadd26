import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { inRoot, runVitest, startInner } from '../inner-run.js'

// Real runners on fixtures/suites/terminal: screens as snapshots, and pictures of the screens of failed tests.

/** A copy of the suite beside it, which the test may write to. */
function copyOfSuite(): string {
  const folder = mkdtempSync(inRoot('fixtures/suites/.terminal-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(inRoot('fixtures/suites/terminal'), folder, { recursive: true })
  return relative(inRoot('fixtures/suites'), folder)
}

const snapshotsOf = (suite: string): string =>
  readFileSync(inRoot(`fixtures/suites/${suite}/__snapshots__/screens.test.ts.snap`), 'utf8')

const passing = ['--testNamePattern', 'is stored|stands in|keep theirs']

test.each(['forks', 'threads', 'vmThreads', 'vmForks'] as const)(
  'in %s the snapshots are what was stored, run after run',
  async (pool) => {
    const { output, exitCode } = await runVitest('terminal', { pool, args: passing, env: { CI: '1' } })

    expect(output).toMatch(/Tests {2}3 passed/)
    expect(exitCode).toBe(0)
  },
)

test('a snapshot is stored, written into the test and brought up to date', async () => {
  const suite = copyOfSuite()
  const file = inRoot(`fixtures/suites/${suite}/screens.test.ts`)
  const written = readFileSync(file, 'utf8')
  rmSync(inRoot(`fixtures/suites/${suite}/__snapshots__`), { recursive: true })

  await runVitest(suite, { args: passing })
  const { output } = await runVitest(suite, { args: ['--testNamePattern', 'another snapshot', '--update'] })

  expect(output).toMatch(/Snapshots {2}1 updated/)
  expect(snapshotsOf(suite)).toBe(snapshotsOf('terminal'))
  expect(readFileSync(file, 'utf8')).toBe(written.replace('(`"five"`', '(`"four"`'))
})

test('the first matcher of a file, which loads all of them, writes its snapshot into the test', async () => {
  const suite = copyOfSuite()
  const file = inRoot(`fixtures/suites/${suite}/first-matcher.test.ts`)
  const written = readFileSync(file, 'utf8')
  writeFileSync(file, written.replace('(`"one"`', '(`"two"`'))

  const { output, exitCode } = await runVitest(suite, { args: ['first-matcher', '--update'] })

  expect(output).toMatch(/Snapshots {2}1 updated/)
  expect(exitCode).toBe(0)
  expect(readFileSync(file, 'utf8')).toBe(written)
})

test('the screens of a failed test are attached to it, as text and as pictures', async () => {
  const { output, exitCode } = await runVitest('terminal', {
    args: [
      '--testNamePattern',
      'fails|no sense|no screen',
      `--reporter=${inRoot('fixtures/suites/terminal/attachments.mjs')}`,
    ],
  })

  expect(exitCode).toBe(1)
  expect(output).toContain('attached to “another one fails”: text/plain\nfour\n')
  expect(output).toMatch(
    /attached to “another one fails”: image\/svg\+xml\n<svg .*\n(?:.*\n)*.*font-weight="bold">four</,
  )
  expect(output).toContain('Expected the screen to have "five": sh -c')
  expect(output).toContain('toMatchScreenSnapshot: .not makes no sense of a snapshot.')
  expect(output).toContain('toHaveScreen: cat has no terminal. Accepted is a process in a terminal: run(…, { terminal')
})

test('Jest keeps them, too, and says what it cannot do', async () => {
  const jest = [inRoot('node_modules/jest/bin/jest.js'), '--config', 'jest.config.cjs', '--ci']

  const { output } = await startInner(process.execPath, jest, { cwd: inRoot('fixtures/suites/terminal') }).result

  expect(output).toMatch(/✓ is stored/)
  expect(output).toMatch(/✓ fake timers do not stop it/)
  expect(output).toMatch(/Tests: +1 failed, 2 passed/)
  expect(output).toContain('toMatchScreenInlineSnapshot: this runner cannot write it into the test. The screen is:')
})
