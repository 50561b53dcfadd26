import { defineConfig } from 'vitest/config'

// The tests run against the built package: `npm test` builds it first.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    server: { deps: { external: [/\/dist\//] } },
    // Under every test and inner run: a recorder of the signals that the package sends.
    globalSetup: ['test/safety/recording.ts'],
    execArgv: ['--import', `${import.meta.dirname}/test/safety/recorder.mjs`],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two cores, and most tests start several processes.
    maxWorkers: 2,
    // .ci/run counts what passed and failed.
    reporters:
      process.env['CI_REPORT'] === undefined
        ? ['default']
        : ['default', ['json', { outputFile: process.env['CI_REPORT'] }]],
  },
})
