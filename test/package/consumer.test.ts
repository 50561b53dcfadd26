import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type InnerResult, inRoot, startInner } from '../inner-run.js'
import { findByCommandLine, makeFolder, removeFolder, uniqueNumber, workspacesIn } from '../machine.js'

// A user's project in an empty folder: the packed tarball in node_modules, and what the README says to write.

const folder = makeFolder()
const project = join(folder, 'project')
const temporary = join(folder, 'tmp')
const installed = join(project, 'node_modules', 'proctor')

let tarball: string

beforeAll(() => {
  mkdirSync(join(project, 'node_modules'), { recursive: true })
  mkdirSync(temporary)
  // Packs the existing build. A new build would remove it while other tests use it.
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], {
    cwd: inRoot(''),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  tarball = join(folder, packed.trim())
  execFileSync('tar', ['-xzf', tarball, '-C', folder])
  execFileSync('mv', [join(folder, 'package'), installed])
  for (const name of ['vitest', '@koromix', '@lydell', '@xterm', 'typescript', '@types']) {
    symlinkSync(inRoot(`node_modules/${name}`), join(project, 'node_modules', name))
  }
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }\n')
})
afterAll(() => removeFolder(folder))

/** The code blocks of a page in one language that contain a text. */
const blocks = (language: string, part: string, page = 'README.md'): string[] =>
  [...readFileSync(inRoot(page), 'utf8').matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))]
    .map(([, text]) => text!)
    .filter((text) => text.includes(part))

const runVitest = (...files: string[]): Promise<InnerResult> => {
  const vitest = inRoot('node_modules/vitest/vitest.mjs')
  const env = { TMPDIR: temporary, NODE_OPTIONS: '' }
  return startInner(process.execPath, [vitest, 'run', ...files], { cwd: project, env }).result
}

describe('the packed package', () => {
  test('has what is needed and nothing else', () => {
    const { files, scripts, dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      files: string[]
      scripts: Record<string, string>
      dependencies?: unknown
    }
    expect(files).toEqual(['dist', 'skills', 'CHANGELOG.md'])
    expect(dependencies).toBeUndefined()
    expect(Object.keys(scripts).filter((name) => name.endsWith('install'))).toEqual([])
    const shipped = ['dist/guardian.sh', 'dist/THIRD-PARTY-LICENCES.txt', 'LICENSE', 'README.md', 'CHANGELOG.md']
    const isThere = (name: string): boolean => existsSync(join(installed, name))
    expect(shipped.filter(isThere)).toEqual(shipped)
    expect(['src', 'test', 'fixtures', 'bench', '.ci'].filter(isThere)).toEqual([])
    const licences = readFileSync(join(installed, 'dist/THIRD-PARTY-LICENCES.txt'), 'utf8')
    for (const name of ['execa', 'tmp', 'tmp-promise', 'pidtree', 'ps-list', 'cross-spawn']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'))
    }
  })

  test('contains only builds, declarations and texts, and is not too large', () => {
    const list = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
    const accepted =
      /^package\/(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|skills\/proctor\/SKILL\.md|dist\/(?:guardian\.sh|trace-page\.html|THIRD-PARTY-LICENCES\.txt|[\w-]+(?:\.d)?\.c?[jt]s))$/
    expect(list.filter((path) => !accepted.test(path))).toEqual([])
    // The limit in bytes, as in `.ci/package.mjs`.
    expect(statSync(tarball).size).toBeLessThan(400_000)
  })

  test('runs the tests that the README shows, with the configuration that it shows', async () => {
    const examples = blocks('ts', "from 'proctor/vitest'")
    expect(examples).toHaveLength(1)
    for (const [index, text] of examples.entries()) writeFileSync(join(project, `example-${index}.test.ts`), text)
    const [config] = blocks('ts', 'proctor/vitest/plugin')
    writeFileSync(join(project, 'vitest.config.ts'), config!)
    const { output, exitCode } = await runVitest('example')
    expect(output).toMatch(/Tests {2}1 passed \(1\)/)
    expect(exitCode).toBe(0)
    expect(workspacesIn(temporary)).toEqual([])
  })

  test('catches a leak there, and leaves nothing', async () => {
    const number = uniqueNumber()
    const leaks = `
      import { test } from 'proctor/vitest'
      test('leaks', async ({ run }) => {
        await run('sh', ['-c', 'echo started; setsid -f sleep ${number}']).waitForSuccessfulExit()
      })`
    writeFileSync(join(project, 'leak.test.ts'), leaks)
    const { output, exitCode } = await runVitest('leak')
    expect(exitCode).toBe(1)
    expect(output).toContain('LeakedProcessError: 1 process outlived its command and was killed')
    expect(output).toMatch(new RegExp(`└─ \\d+ sleep ${number} +left the group \\(own session\\)`))
    expect(findByCommandLine(number)).toEqual([])
    expect(workspacesIn(temporary)).toEqual([])
  })

  test('works with node:test as the documentation shows it, as ES module and as CommonJS', async () => {
    const [text] = blocks('js', 'node:test', 'docs/getting-started.md')
    writeFileSync(join(project, 'node-test.mjs'), text!)
    const required = text!.replaceAll(/import (.*) from ('.*')/g, 'const $1 = require($2)')
    writeFileSync(join(project, 'node-test.cjs'), required)
    const env = { TMPDIR: temporary, NODE_OPTIONS: '' }
    const args = ['--test', 'node-test.mjs', 'node-test.cjs']
    const { output, exitCode } = await startInner(process.execPath, args, { cwd: project, env }).result
    expect(output).toMatch(/pass 2\b/)
    expect(exitCode).toBe(0)
    expect(workspacesIn(temporary)).toEqual([])
  })
})
