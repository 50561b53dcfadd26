import { cp } from 'node:fs/promises'
import { expect, test } from 'proctor/vitest'
import { describe } from 'vitest'
import { inRoot } from '../inner-run.js'
import { needs } from '../needs.js'
import { buildMutant, innerEnvironment, type Mutation, runOnMutatedSources } from './mutant.js'

// What keeps a user's test honest: without each of these, the suites written for it get other results.

const mutations: readonly Mutation[] = [
  {
    // A forgotten `await` fails no test.
    file: 'src/fixture/forgotten-awaits.ts',
    from: 'const first = forgotten.find(({ isFailure }) => isFailure)',
    to: 'const first = [][0]',
  },
  {
    // A first snapshot is taken of a screen that the program has not redrawn yet.
    file: 'src/matchers/screen-snapshot.ts',
    from: 'process.lastInput === undefined ? stillness : answerTime',
    to: 'begun >= 0 ? stillness : answerTime',
  },
  {
    // The matcher does not wait for a screen to match the stored one.
    file: 'src/matchers/screen-snapshot.ts',
    from: 'stored === undefined ?',
    to: 'stored !== null ?',
  },
]

const stored = `// Vitest Snapshot v1, https://vitest.dev/guide/snapshot.html

exports[\`late is stored > with a name 1\`] = \`"after the key"\`;

exports[\`late is stored 1\`] = \`"after the key"\`;
`

const config = `export default { test: {
  server: { deps: { external: [/\\/dist\\//] } },
  include: ['*/forgotten.test.ts', '*/late.test.ts'],
  provide: { proctorOptions: { leakTimeout: 300, grace: 300 } },
} }
`

describe('Negative controls of what people meet', () => {
  test('a forgotten await is green, and a screen is taken too soon', async ({ run, workspace }) => {
    await buildMutant({ workspace }, mutations)
    for (const [suite, to] of [
      ['forgotten', 'forgotten'],
      ['late', 'first'],
      ['late', 'again'],
    ] as const) {
      await cp(inRoot(`fixtures/suites/${suite}/${suite}.test.ts`), workspace.resolve(`${to}/${suite}.test.ts`))
    }
    await workspace.write({ 'vitest.config.mjs': config, 'again/__snapshots__/late.test.ts.snap': stored })
    const args = ['run', '--testNamePattern', '^of a (matcher|wait)|^late is stored', '--reporter=verbose']
    const inner = run('vitest', args, {
      env: { ...innerEnvironment, LATE: '1500', NO_COLOR: '1' },
      leaks: 'kill',
    })
    const { output } = await inner.waitForExit({ timeout: 60_000 })

    for (const green of [
      'of a matcher of what is thrown',
      'of a matcher of a promise',
      'of a matcher that has failed',
      'of a matcher that has passed',
      'of a wait that is over',
    ]) {
      expect(output).toContain(`✓ forgotten/forgotten.test.ts > ${green}`)
    }
    expect(await workspace.read('first/__snapshots__/late.test.ts.snap')).toContain('"before the key"')
    expect(output).toContain('× again/late.test.ts > late is stored')
  }, 90_000)

  test('a browser drops the blanks of a picture', async ({ run, workspace }) => {
    needs('chromium')
    const inBlanks = { file: 'src/terminal/svg.ts', from: String.raw`kept.replaceAll(' ', '\u00a0')`, to: 'kept' }
    const results = await runOnMutatedSources(
      { run, workspace },
      [inBlanks],
      ['test/rooms/terminal/svg.test.ts'],
      30_000,
    )
    const [drawn] = results.filter(({ name }) => name.startsWith('every character of a picture'))

    expect(drawn?.status).toBe('failed')
    expect(drawn?.failure).toMatch(/expected .* to (deeply equal|be)/)
  }, 90_000)
})
