import { expect, test } from 'vitest'
import { inRoot, startInner } from '../inner-run.js'

// The serializer in a real Jest, set up by configuration alone. test/rooms/snapshot/normalise.test.ts tests it in
// Vitest.

const jest = [inRoot('node_modules/jest/bin/jest.js'), '--config', 'jest.config.cjs', '--ci']

test.for([
  ['with the serializer the snapshots are as they were', [], 0],
  ['without it they are not', ['--snapshotSerializers'], 1],
] as const)('%s', async ([, args, code]) => {
  const { exitCode } = await startInner(process.execPath, [...jest, ...args], {
    cwd: inRoot('fixtures/suites/snapshots'),
  }).result
  expect(exitCode).toBe(code)
})
