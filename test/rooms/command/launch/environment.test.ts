import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  askedFor,
  inheritedEnvironment,
  type NotInherited,
  notInherited,
  ofAnotherTerminal,
} from '../../../../src/command/launch/environment.js'
import { inRoot } from '../../../inner-run.js'
import { needs } from '../../../needs.js'
import { givenProctor } from '../../given.js'

const row = ({ names, why }: NotInherited): string => `| ${names.map((name) => `\`${name}\``).join(', ')} | ${why} |`

describe('docs/environment.md', () => {
  const page = readFileSync(inRoot('docs/environment.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))

  test('has what a command does not inherit, and no more', () => {
    expect(rows).toEqual([...notInherited, ofAnotherTerminal].map(row))
  })
})

const all = notInherited
  .flatMap(({ names }) => names)
  .filter((name) => !name.includes('='))
  .map((name) => name.replace('*', 'XYZ'))

function stub(environment: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
}

describe('the environment of a command', () => {
  test.each(all)('%s does not reach it, unless a test asks for it', (name) => {
    stub({ [name]: 'outer' })
    expect(inheritedEnvironment()).not.toHaveProperty(name)
    expect(askedFor({ ...process.env, OWN: 'x' })).not.toHaveProperty(name)
    // This variable only tells copies of the environment apart, and is not checked.
    if (name.startsWith('PROCTOR_OUTSIDE_')) return
    expect(askedFor({ [name]: 'own' })).toHaveProperty(name, 'own')
    expect(askedFor({ ...process.env, [name]: 'own' })).toHaveProperty(name, 'own')
  })

  test.each([
    'HOME',
    'PATH',
    'TERM',
    'NODE_ENV',
    'CI',
    'NO_COLOR',
    'FORCE_COLOR',
    'GIT_AUTHOR_NAME',
    'GIT_SSH',
    'LANG',
  ])('%s does', (name) => {
    stub({ [name]: 'outer' })
    expect(inheritedEnvironment()).toHaveProperty(name, 'outer')
  })

  test('names its own folder, and no Makefile works on the project', async () => {
    needs('make')
    const project = mkdtempSync(join(tmpdir(), 'project-'))
    onTestFinished(() => rmSync(project, { recursive: true }))
    mkdirSync(join(project, 'build'))
    stub({ PWD: project, OLDPWD: project, MAKEFLAGS: `-- prefix=${project}` })
    const proctor = await givenProctor()
    const rule = 'all:\n\trm -r $(PWD)/build\n\techo $(prefix)\nprefix = /own\n'
    await proctor.workspace.write({ Makefile: rule, 'build/x': '', 'sub/build/x': '' })
    for (const options of [{}, { terminal: true }, { cwd: 'sub' }, { env: { ...process.env } }]) {
      const args = 'cwd' in options ? ['-f', '../Makefile'] : []
      await proctor.workspace.write('build/x', '')
      const { output } = await proctor.run('make', ['-s', ...args], options).waitForSuccessfulExit()
      expect(output.trim()).toBe('/own')
    }
    expect(existsSync(join(project, 'build'))).toBe(true)
    const own = proctor.run('env', [], { env: { PWD: '/elsewhere', MAKEFLAGS: '-k' } })
    expect((await own.waitForExit()).stdout).toMatch(
      /^PWD=\/elsewhere$[^]*^MAKEFLAGS=-k$|^MAKEFLAGS=-k$[^]*^PWD=\/elsewhere$/m,
    )
  })

  test('is what a program gets', async () => {
    stub({ GIT_DIR: '/real/.git', KITTY_WINDOW_ID: '1', NODE_TEST_CONTEXT: 'child-v8', STAYS: 'yes' })
    const proctor = await givenProctor()
    const names = 'GIT_DIR|KITTY_WINDOW_ID|NODE_TEST_CONTEXT|STAYS'
    const { stdout } = await proctor.run('sh', ['-c', `env | grep -E '^(${names})='`]).waitForSuccessfulExit()
    expect(stdout).toBe('STAYS=yes\n')
  })
})
