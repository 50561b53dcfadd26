import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createProctor } from 'proctor'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { collectCoverage } from '../../src/runners/vitest/coverage.js'
import type { CoverageProvider } from '../../src/runners/vitest/patches.js'
import { type InnerResult, inRoot, runVitest } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'

// Commands in Vitest's report of coverage. The witness is the report of a real inner run.

const program = inRoot('fixtures/suites/coverage/program.mjs')

interface FileReport {
  readonly fnMap: Record<string, { readonly name: string }>
  readonly f: Record<string, number>
}

/** How often each function of the program was called, says a report. */
function callsIn(report: string): Record<string, number> {
  const files = JSON.parse(readFileSync(report, 'utf8')) as Record<string, FileReport>
  const { fnMap, f } = files[program]!
  return Object.fromEntries(Object.entries(fnMap).map(([key, { name }]) => [name, f[key]!]))
}

let temporary: string
let run: InnerResult

const environment = (): NodeJS.ProcessEnv => ({ SUITE_REPORT: join(temporary, 'report'), TMPDIR: temporary })

beforeAll(async () => {
  temporary = makeFolder()
  run = await runVitest('coverage', { env: environment() })
  return () => removeFolder(temporary)
}, 60_000)

test('a command is in the report, however it is ended', () => {
  expect(run.output).toMatch(/Tests {2}9 passed/)
  expect(callsIn(join(temporary, 'report/coverage-final.json'))).toEqual({
    byItself: 1,
    bySignal: 1,
    byKill: 1,
    byTeardown: 1,
    belowAShell: 1,
    inTheTests: 1,
    never: 0,
  })
})

test('nothing of it is left but the report', () => {
  expect(readdirSync(temporary, { recursive: true, encoding: 'utf8' }).toSorted()).toEqual([
    'report',
    'report/coverage-final.json',
  ])
})

test('where nothing collects it, a report without it is an error', async () => {
  const env = { ...environment(), SUITE_SETUP: 'none' }
  const { output } = await runVitest('coverage', { env, args: ['-t', 'ends by itself'] })
  expect(output).toContain(
    "run: coverage: true is not to be had: globalSetup lacks 'proctor/vitest/global-setup', which collects it for Vitest.",
  )
}, 60_000)

describe('what is handed to Vitest', () => {
  /** What of Vitest is asked for here, as plain data. */
  function collected(name: string, version: string) {
    const given: object[] = []
    const provider: CoverageProvider = {
      name,
      generateCoverage: () => structuredClone(given),
      onAfterSuiteRun: (meta) => given.push(meta),
    }
    const end = collectCoverage({ coverageProvider: provider, version } as unknown as Parameters<
      typeof collectCoverage
    >[0])
    return { provider, end, said: process.env['PROCTOR_COVERAGE']! }
  }

  test.each([
    ['istanbul', '4.1.12', "Vitest's coverage.provider is 'istanbul'. Accepted is 'v8'"],
    ['v8', '3.2.7', 'Vitest 3.2.7 reports no files that it has not transformed. Accepted is Vitest 4 or 5'],
  ])('nothing, with %s of Vitest %s: who asks for it hears why', async (name, version, why) => {
    const { end } = collected(name, version)
    const proctor = await createProctor({ coverage: true })
    expect(() => proctor.run('true')).toThrow(`run: coverage: true is not to be had: ${why}.`)
    await proctor.teardown()
    end()
    expect(process.env['PROCTOR_COVERAGE']).toBeUndefined()
  })

  test.each(['4.1.12', '5.1.2'])('the files of the project alone, in the form of %s', async (version) => {
    const { provider, end, said: folder } = collected('v8', version)
    const scripts = [program, '/gone.mjs', inRoot('node_modules/vitest/index.cjs'), inRoot('test/machine.ts')]
    const result = [...scripts.map((path) => ({ url: pathToFileURL(path).href })), { url: 'node:fs' }]
    writeFileSync(join(folder, 'coverage-1.json'), JSON.stringify({ result }))
    writeFileSync(join(folder, 'coverage-2.json'), '{"result":[{"url":"file:')
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const [{ coverage, ...rest }, ...more] = (await provider.generateCoverage({})) as [Record<string, unknown>]
    expect(stderr.mock.calls.join('')).toBe(
      'proctor: a loader has translated what commands ran of test/machine.ts: not in the report.\n',
    )
    stderr.mockRestore()
    expect([rest, more]).toEqual([
      { environment: 'proctor', projectName: '', testFiles: [join(folder, 'coverage-1.json')] },
      [],
    ])
    const own = { result: [{ url: pathToFileURL(program).href }] }
    expect(coverage).toEqual(version.startsWith('4') ? own : join(folder, 'coverage-1.json'))
    expect(readdirSync(folder, 'utf8').toSorted()).toEqual(['owner', 'preload.cjs'])
    end()
    expect(existsSync(folder)).toBe(false)
  })
})
