import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createProctor } from 'proctor'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { ProctorReporter } from '../../src/runners/jest/reporter.js'
import { setup as globalSetup } from '../../src/runners/jest/global-setup.js'
import { collectCoverage } from '../../src/runners/vitest/coverage.js'
import type { CoverageProvider } from '../../src/runners/vitest/patches.js'
import { removeAbandonedCoverage } from '../../src/workspace/coverage-folder.js'
import { type InnerResult, inRoot, runVitest, startInner } from '../inner-run.js'
import { makeFolder, removeFolder } from '../machine.js'

// The commands' coverage in Vitest's report, checked in the report of a real inner run.

const program = inRoot('fixtures/suites/coverage/program.mjs')

interface FileReport {
  readonly fnMap: Record<string, { readonly name: string }>
  readonly f: Record<string, number>
}

/** How often each function of the program was called, according to a report. */
function callsIn(report: string): Record<string, number> {
  const files = JSON.parse(readFileSync(report, 'utf8')) as Record<string, FileReport>
  const { fnMap, f } = files[program]!
  return Object.fromEntries(Object.entries(fnMap).map(([key, { name }]) => [name, f[key]!]))
}

interface RawCoverage {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly { readonly functionName: string; readonly ranges: readonly { count: number }[] }[]
  }[]
}

/** The functions of the program that were called, according to what Node itself has written. */
function calledIn(folder: string): string[] {
  const files = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as RawCoverage)
  const scripts = files.flatMap(({ result }) => result).filter(({ url }) => url === pathToFileURL(program).href)
  const called = scripts.flatMap(({ functions }) => functions).filter(({ ranges }) => ranges[0]!.count > 0)
  return [...new Set(called.map(({ functionName }) => functionName))].filter((name) => name !== '').toSorted()
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

test('if nothing collects it, a report without it is an error', async () => {
  const env = { ...environment(), SUITE_SETUP: 'none' }
  const { output } = await runVitest('coverage', { env, args: ['-t', 'ends by itself'] })
  expect(output).toContain(
    "run: coverage: true is not to be had: globalSetup lacks 'proctor/vitest/global-setup', which collects it for Vitest.",
  )
}, 60_000)

test('outside of Vitest it is in whatever report NODE_V8_COVERAGE makes', async () => {
  const folder = makeFolder()
  onTestFinished(() => removeFolder(folder))
  const v8 = join(folder, 'v8')
  const env = { TMPDIR: folder, NODE_V8_COVERAGE: v8 }
  const args = [inRoot('fixtures/programs/coverage-outside.mjs')]
  const { stdout, exitCode } = await startInner(process.execPath, args, { env }).result
  expect([exitCode, stdout]).toEqual([0, '1 in its own report\n'])
  expect(calledIn(v8)).toEqual(['byKill', 'bySignal', 'byTeardown'])
  expect(readdirSync(folder)).toEqual(['v8'])
})

test.each([globalSetup, (config: object) => new ProctorReporter(config)])(
  'Jest’s --coverage is refused',
  async (begin) => {
    begin({ collectCoverage: true })
    onTestFinished(() => void delete process.env['PROCTOR_COVERAGE'])
    const proctor = await createProctor({ coverage: true })
    onTestFinished(() => void proctor.teardown())
    expect(() => proctor.run('true')).toThrow("run: coverage: true is not to be had: Jest's --coverage reports what")
  },
)

describe('what is handed to Vitest', () => {
  /** The part of Vitest that is needed here, as plain data. */
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
    expect(readdirSync(folder)).toEqual(['owner'])
    end()
    expect(existsSync(folder)).toBe(false)
  })

  test('a run under NODE_V8_COVERAGE has its commands in both reports', async () => {
    const outer = join(temporary, 'outer')
    onTestFinished(() => void vi.unstubAllEnvs())
    vi.stubEnv('NODE_V8_COVERAGE', outer)
    const { provider, end } = collected('v8', '4.1.12')
    const proctor = await createProctor({ coverage: true })
    await proctor.run('node', [program, 'byItself']).waitForSuccessfulExit()
    await proctor.teardown()
    expect(await provider.generateCoverage({})).toHaveLength(1)
    end()
    expect(calledIn(outer)).toEqual(['byItself'])
    expect(process.env['PROCTOR_COVERAGE_OUTER']).toBeUndefined()
  })

  test('the folder of a run that was killed is removed', () => {
    const { end, said } = collected('v8', '4.1.12')
    const dead = join(dirname(said), `coverage-${'0'.repeat(16)}`)
    mkdirSync(dead)
    const owner = readFileSync(join(said, 'owner'), 'utf8')
    // The pid of a process that has been waited for belongs to nobody.
    const { pid } = spawnSync('true')
    writeFileSync(join(dead, 'owner'), owner.replace(String(process.pid), String(pid)))
    removeAbandonedCoverage()
    expect([existsSync(dead), existsSync(said)]).toEqual([false, true])
    end()
  })
})
