import type { ProctorMatchers } from './matchers/types.js'
import { type JestFixtures, useFixtures, type UseProctorOptions } from './runners/jest/fixtures.js'
import { registerMatchers } from './runners/jest/matchers.js'

export { executable, symlink } from './workspace/file-tree.js'
export type { JestFixtures, UseProctorOptions } from './runners/jest/fixtures.js'
export type * from './index.js'

declare global {
  // What @types/jest declares; the parameters are its.
  // eslint-disable-next-line
  namespace jest {
    // eslint-disable-next-line
    interface Matchers<R, T = {}> extends ProctorMatchers {}
  }
}

/** @ts-ignore -- what `expect` of @jest/globals has; who uses @types/jest may not have the module. */
declare module 'expect' {
  // eslint-disable-next-line
  interface Matchers<R extends void | Promise<void>, T = unknown> extends ProctorMatchers {}
}

/**
 * Gives every test of this file, or of the `describe` block it is called in, its own commands, a workspace and the
 * matchers. After each test, and after every `afterEach` of the file, the whole tree of each command is proven dead, or
 * the test fails. If several calls apply to a test, it has one fixture, and the options of the inner ones take
 * precedence.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @throws {ProctorError} in a test or a hook, and under another runner than jest-circus.
 * @example
 * const { run, workspace } = useProctor({ grace: 500 })
 *
 * test('the server starts', async () => {
 *   const server = run('node', ['server.mjs'])
 *   await server.waitForOutput('ready')
 * })
 */
export function useProctor(options: UseProctorOptions = {}): JestFixtures {
  registerMatchers()
  return useFixtures(options)
}
