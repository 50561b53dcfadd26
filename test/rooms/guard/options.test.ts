import { describe, expect, test } from 'vitest'
import { fromEnvironment, type GuardOptions, layered } from '../../../src/guard/options.js'

describe('options in layers', () => {
  test('the later one counts, and what is allowed adds up', () => {
    const first: GuardOptions = { mode: 'warn', allow: ['gradle'], leakTimeout: 10 }
    const second: GuardOptions = { mode: 'kill', allow: [/esbuild/] }
    expect(layered(first, undefined, second)).toEqual({
      mode: 'kill',
      unit: 'test',
      allow: ['gradle', /esbuild/],
      leakTimeout: 10,
      containment: 'auto',
    })
  })

  test('undefined leaves the earlier value', () => {
    const options: { mode?: undefined } = { mode: undefined }
    expect(layered({ mode: 'warn' }, options as GuardOptions).mode).toBe('warn')
  })

  test.each([
    [{ leakTimeout: -1 }, 'guard: leakTimeout is -1. Accepted is a number of milliseconds, 0 or more.'],
    [{ unit: 'suite' }, `guard: unit is "suite". Accepted is 'test' or 'file'.`],
    [{ allow: 'gradle' }, 'guard: allow is "gradle". Accepted is an array of strings and regular expressions.'],
    [
      { alow: [] },
      'guard: unknown option "alow". Accepted are mode, unit, allow, baseline, leakTimeout, containment. Did you mean allow?',
    ],
  ])('%j is one clear error', (options, message) => {
    expect(() => layered(options as GuardOptions)).toThrow(new TypeError(message))
  })
})

describe('what the environment says', () => {
  test('nothing', () => {
    expect(fromEnvironment({ PROCTOR_GUARD: '' })).toEqual({})
  })

  test('everything', () => {
    const environment = {
      PROCTOR_GUARD: 'warn',
      PROCTOR_GUARD_UNIT: 'file',
      PROCTOR_GUARD_ALLOW: 'gradle --daemon, /^java .*Kotlin/i,',
      PROCTOR_GUARD_LEAK_TIMEOUT: '500',
      PROCTOR_GUARD_CONTAINMENT: 'basic',
    }
    expect(fromEnvironment(environment)).toEqual({
      mode: 'warn',
      unit: 'file',
      allow: ['gradle --daemon', /^java .*Kotlin/i],
      leakTimeout: 500,
      containment: 'basic',
    })
  })

  test.each([
    [
      { PROCTOR_GUARD: 'on' },
      `PROCTOR_GUARD: mode is "on". Accepted is 'fail' or 'warn' or 'kill' or 'report' or 'off'.`,
    ],
    [
      { PROCTOR_GUARD_LEAK_TIMEOUT: 'soon' },
      'PROCTOR_GUARD_LEAK_TIMEOUT: leakTimeout is NaN. Accepted is a number of milliseconds, 0 or more.',
    ],
    [
      { PROCTOR_GUARD_ALLOW: '/(/' },
      'PROCTOR_GUARD_ALLOW: /(/ is no regular expression (Invalid regular expression: /(/: Unterminated group).',
    ],
  ])('%j is one clear error', (environment, message) => {
    expect(() => fromEnvironment(environment)).toThrow(message)
  })
})
