import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// The tests run against the built package: `npm test` builds it first.
const names = process.argv.filter((_, index, all) => all[index - 1] === '--project')
// Each run of a stage of .ci/run writes a report, whose tests .ci/run counts.
const report = process.env['CI_REPORT'] && [process.env['CI_REPORT'], ...names, 'json'].join('.')

/** Tests that leave nothing behind in their worker. */
const sharing = ['rooms', 'stories', 'messages', 'features'].map((folder) => `test/${folder}/**/*.test.ts`)

/** Runs whose worker is killed: `npm test` kills workers in `test/soak/random-kills.test.ts`. */
const killedWorkers = 'test/faults/worker.test.ts'

/**
 * The tests that start a runner for each case: every runner, every pool, the browser. `npm test` runs a short form of
 * some, whose tables ask `test/short.ts`.
 */
const inShort = [
  'test/faults/faults.test.ts',
  'test/rooms/supervisor/endings.test.ts',
  'test/runners/{guard,verdicts}.test.ts',
]
const runners = ['test/runners/**/*.test.ts', killedWorkers, ...inShort]

/** The tests of the tests. They switch off a part of the package, and then its tests must fail. */
const controls = ['test/controls/**/*.test.ts']

/** The tests of what is published: the packed package, its types, and the examples of every page. */
const published = ['test/docs.test.ts', 'test/package/**/*.test.ts', 'test/types/**/*.test.ts']

/**
 * Where this is set, Node 20 parses all certificates whenever it starts, which trebles the time a small program takes
 * (https://github.com/nodejs/node/issues/40524). Only the installer of packages connects to anything but this machine.
 */
const certificates = 'NODE_EXTRA_CA_CERTS'

/** The file that takes longest. If it started last, it would run alone at the end. */
const longest = 'test/escapes/escapes.test.ts'

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => (moduleId.endsWith(longest) ? 0 : 1)
    return (await super.sort(files)).sort((one, other) => place(one) - place(other))
  }
}

export default defineConfig({
  test: {
    server: { deps: { external: [/\/dist\//] } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Four busy loops beside the tests leave a program a third of a processor.
    provide: { proctorOptions: { waitTimeout: 15_000 } },
    // More than the two cores of a small machine, because most tests spend most of their time waiting for other
    // processes.
    maxWorkers: 3,
    // Applies to concurrent tests, each of which starts a runner of its own.
    maxConcurrency: 3,
    sequence: { sequencer: LongestFirst },
    // Lists the skipped tests by name at the end. .ci/run counts what passed and failed.
    reporters: [
      'default',
      'test/skipped.ts',
      ...(report === undefined ? [] : [['json', { outputFile: report }] as ['json', object]]),
    ],
    // Preloads a recorder of the signals that the package sends into every test and inner run.
    execArgv: ['--require', `${import.meta.dirname}/test/safety/recorder.cjs`],
    globalSetup: ['test/safety/recording.ts', 'test/safety/for-others.ts'],
    env: { [certificates]: '' },
    projects: [
      {
        // One worker runs many files: starting a worker, and loading Vitest in it, takes longer than most of them.
        extends: true,
        test: { name: 'forks', isolate: false, include: sharing },
      },
      {
        // Each file has its own worker, because it starts runners, storms and strangers, or takes down what other tests
        // use, or marks its process as a runner's.
        extends: true,
        test: {
          name: 'isolated',
          include: ['test/**/!(runners)/*.test.ts', 'test/*.test.ts', ...inShort],
          exclude: [...configDefaults.exclude, ...sharing, ...controls, ...published, killedWorkers],
        },
      },
      { extends: true, test: { name: 'runners', include: runners, env: { TEST_RUNNERS: 'all' } } },
      { extends: true, test: { name: 'controls', include: controls } },
      {
        extends: true,
        test: { name: 'published', include: published, env: { [certificates]: process.env[certificates] ?? '' } },
      },
      {
        // What a user sees of a command, with the portable start, which is used where there are no system calls.
        extends: true,
        test: {
          name: 'portable',
          isolate: false,
          include: ['test/rooms/command/**/*.test.ts', 'test/stories/*.test.ts'],
          env: { PROCTOR_LAUNCH: 'portable' },
        },
      },
      {
        // The global set-up brings strict containment to worker threads, in a run of their own.
        extends: true,
        test: {
          name: 'threads',
          pool: 'threads',
          include: ['test/escapes/escapes.test.ts'],
          globalSetup: ['proctor/vitest/global-setup'],
        },
      },
    ],
  },
})
