import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  askedFor,
  inheritedEnvironment,
  type NotInherited,
  notInherited,
  ofAnotherTerminal,
} from '../../../../src/command/launch/environment.js'
import { inRoot } from '../../../inner-run.js'
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

  test('is what a program gets', async () => {
    stub({ GIT_DIR: '/real/.git', KITTY_WINDOW_ID: '1', NODE_TEST_CONTEXT: 'child-v8', STAYS: 'yes' })
    const proctor = await givenProctor()
    const names = 'GIT_DIR|KITTY_WINDOW_ID|NODE_TEST_CONTEXT|STAYS'
    const { stdout } = await proctor.run('sh', ['-c', `env | grep -E '^(${names})='`]).waitForSuccessfulExit()
    expect(stdout).toBe('STAYS=yes\n')
  })
})
