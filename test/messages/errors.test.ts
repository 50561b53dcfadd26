import * as proctor from 'proctor'
import { createProctor, type ProctorError, UnexpectedExitError } from 'proctor'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createRequire } from 'node:module'
import { inspect } from 'node:util'
import { escapeControls, escapeText } from '../../src/base/escape.js'
import { rejectionOf } from '../rejection.js'

const require = createRequire(import.meta.url)

describe('instanceof', () => {
  const state = { command: 'x', exitCode: 1, exitSignal: null, output: '' }

  test('holds over copies of the package, for each class', async () => {
    const other = require('proctor') as typeof proctor
    vi.resetModules()
    const source = (await import('../../src/base/errors.js')) as unknown as typeof proctor

    for (const copy of [other, source]) {
      expect(copy.UnexpectedExitError).not.toBe(proctor.UnexpectedExitError)
      const error: unknown = new copy.UnexpectedExitError(state)
      expect(error).toBeInstanceOf(proctor.UnexpectedExitError)
      expect(error).toBeInstanceOf(proctor.CommandError)
      expect(error).toBeInstanceOf(proctor.ProctorError)
      expect(error).not.toBeInstanceOf(proctor.AlreadyExitedError)
      expect(error).not.toBeInstanceOf(proctor.LeakedProcessError)
      expect(() => {
        throw error
      }).toThrow(UnexpectedExitError)
    }
  })

  test('with a class of the user’s works as usual', () => {
    class OwnError extends proctor.UnexpectedExitError {}

    expect(new OwnError(state)).toBeInstanceOf(OwnError)
    expect(new OwnError(state)).toBeInstanceOf(proctor.UnexpectedExitError)
    expect(new proctor.UnexpectedExitError(state)).not.toBeInstanceOf(OwnError)
    for (const value of [null, undefined, 'UnexpectedExitError', new Error('x'), { name: 'UnexpectedExitError' }]) {
      expect(value instanceof proctor.UnexpectedExitError).toBe(false)
    }
  })
})

test.each([
  ['##vso[task.complete result=Succeeded;]', String.raw`##vso\[task.complete result=Succeeded;]`],
  ["##teamcity[testFinished name='x']", String.raw`##teamcity\[testFinished name='x']`],
  ['##[error]x', String.raw`##\[error]x`],
  ['  ::error::x', String.raw`  \::error::x`],
  ['a\u202ecod\u202c', String.raw`a\u202ecod\u202c`],
  ['\u2066a\u2069', String.raw`\u2066a\u2069`],
  ['\x1b[31m\x07', '^[[31m^G'],
  ['שלום café 漢😀', 'שלום café 漢😀'],
])('%o is shown as %o', (written, shown) => {
  expect(escapeControls(written)).toBe(shown)
  expect(escapeText(written)).toBe(shown)
  expect(escapeText(escapeText(written))).toBe(shown)
})

test('what a runner prints of an error steers nothing, whoever made the fixture', async () => {
  const fixture = await createProctor({ unexpectedExit: 'ignore' })
  onTestFinished(async () => void (await fixture.teardown()))
  const script = String.raw`printf '\033[31mred\033[0m\n::error::x\n##vso[task.x]\n\342\200\256'; exit 3`
  const error = (await rejectionOf(fixture.run('sh', ['-c', script]).waitForSuccessfulExit())) as ProctorError

  // The message, which a test compares, is unchanged.
  expect(error.message).toBe(
    'Process exited with non-zero exit code 3. Output:\n\x1b[31mred\x1b[0m\n::error::x\n##vso[task.x]\n\u202e',
  )
  const shown = `Process exited with non-zero exit code 3. Output:\n^[[31mred^[[0m\n\\::error::x\n##vso\\[task.x]\n\\u202e`
  expect(error.toJSON().message).toBe(shown)
  expect(error.stack!.startsWith(`FailedExitError: ${shown}\n`)).toBe(true)
  for (const printed of [error.stack!, inspect(error), inspect(new Error('x', { cause: error }))]) {
    // oxlint-disable-next-line eslint/no-control-regex -- they are what is looked for.
    expect(printed).not.toMatch(/\x1b|^::|##vso\[|\u202e/m)
  }
})
