import { configDefaults, defineConfig } from 'vitest/config'

// The tests run against the built package: `npm test` builds it first.
const names = process.argv.filter((_, index, all) => all[index - 1] === '--project')
// A report for each run of a stage of .ci/run, which counts them.
const report = process.env['CI_REPORT'] && [process.env['CI_REPORT'], ...names, 'json'].join('.')

/** What leaves nothing behind in its worker. */
const sharing = ['rooms', 'stories', 'messages', 'features'].map((folder) => `test/${folder}/**/*.test.ts`)

/** What tests the tests: the package with a part switched off, where they must fail. */
const controls = ['test/controls/**/*.test.ts']

/** What is published: the packed package, its types, and the examples of every page. */
const published = ['test/docs.test.ts', 'test/package/**/*.test.ts', 'test/types/**/*.test.ts']

export default defineConfig({
  test: {
    server: { deps: { external: [/\/dist\//] } },
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // More than the two cores of a small machine: most tests wait for other processes most of the time.
    maxWorkers: 3,
    // Of tests that say so: each starts a runner of its own.
    maxConcurrency: 3,
    // What was skipped stands at the end, by name; .ci/run counts what passed and failed.
    reporters: [
      'default',
      'test/skipped.ts',
      ...(report === undefined ? [] : [['json', { outputFile: report }] as ['json', object]]),
    ],
    // Under every test and inner run: a recorder of the signals that the package sends.
    execArgv: ['--import', `${import.meta.dirname}/test/safety/recorder.mjs`],
    globalSetup: ['test/safety/recording.ts'],
    projects: [
      {
        // A worker for many files: to start one, and to load Vitest in it, takes longer than most of them.
        extends: true,
        test: { name: 'forks', isolate: false, include: sharing },
      },
      {
        // Each file is alone in its worker: it starts runners, storms and strangers, or takes down what others use.
        extends: true,
        test: {
          name: 'isolated',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...sharing, ...controls, ...published],
        },
      },
      { extends: true, test: { name: 'controls', include: controls } },
      { extends: true, test: { name: 'published', include: published } },
      {
        // What a user meets of a command, with the start that takes the other one's place where there are no system calls.
        extends: true,
        test: {
          name: 'portable',
          isolate: false,
          include: ['test/rooms/command/**/*.test.ts', 'test/stories/*.test.ts'],
          env: { PROCTOR_LAUNCH: 'portable' },
        },
      },
      {
        // Strict containment in worker threads comes through the global set-up, in a run of their own.
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
