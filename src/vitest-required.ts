// What `require` gets for the two entry points that are ES modules and only for Vitest's tests. Otherwise Jest would
// advise a Babel transform, and Node would load a Vitest that runs nothing.

throw new Error(
  'This entry point of proctor is for Vitest, and cannot be required. ' +
    "In Vitest: import { expect, test } from 'proctor/vitest'. " +
    "In Jest: require('proctor/jest'), and 'proctor/jest/guard' for the guard. " +
    "In node:test: require('proctor/node-test'). Elsewhere: require('proctor').",
)
