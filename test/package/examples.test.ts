import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type InnerResult, inRoot, startInner } from '../inner-run.js'
import { makeFolder, removeFolder, workspacesIn } from '../machine.js'

// Each project of examples/ with the packed package, run by its own `npm test`.

const folder = makeFolder()
const temporary = join(folder, 'tmp')
const modules = join(folder, 'node_modules')

beforeAll(() => {
  for (const path of [modules, temporary]) mkdirSync(path)
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: inRoot(''),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  execFileSync('tar', ['-xzf', join(folder, packed.trim()), '-C', folder])
  execFileSync('mv', [join(folder, 'package'), join(modules, 'proctor')])
  // What npm would install lies in the folder above each example.
  for (const name of readdirSync(inRoot('node_modules'))) {
    if (name === '.bin' || !name.startsWith('.')) symlinkSync(inRoot(`node_modules/${name}`), join(modules, name))
  }
  cpSync(inRoot('examples'), folder, { recursive: true })
})
afterAll(() => removeFolder(folder))

const npmTest = (name: string): Promise<InnerResult> =>
  startInner('npm', ['test'], { cwd: join(folder, name), env: { TMPDIR: temporary, NODE_OPTIONS: '' } }).result

test.each([
  ['vitest-cli', /Tests {2}3 passed \(3\)/],
  ['monorepo', /Tests {2}2 passed \(2\)/],
  ['node-test', /pass 1\b/],
  ['playwright', /1 passed/],
])('%s passes', async (name, verdict) => {
  const { output, exitCode } = await npmTest(name)
  expect(output).toMatch(verdict)
  expect(exitCode).toBe(0)
})

test('jest-legacy-guard: the guard names the unexpected line', async () => {
  const { output, exitCode } = await npmTest('jest-legacy-guard')
  expect(output).toContain('LeakedProcessError: 1 process outlived the test that started it and was killed')
  expect(output).toContain('start-server.js:6:18')
  expect(output).toContain('Tests:       1 failed, 2 passed, 3 total')
  expect(exitCode).toBe(1)
})

test('the list has every example, and nothing of theirs is left', () => {
  const list = readFileSync(inRoot('examples/README.md'), 'utf8')
  const names = readdirSync(inRoot('examples')).filter((name) => name !== 'README.md')
  expect(names.filter((name) => !list.includes(`](${name})`))).toEqual([])
  expect(workspacesIn(temporary)).toEqual([])
})
