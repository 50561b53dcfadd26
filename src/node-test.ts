import type { ProctorOptions } from './fixture/options.js'
import { type NodeTestFixtures, useFixtures } from './runners/node-test/fixtures.js'
import type { TestContext } from './runners/node-test/test-context.js'

export { expect } from './runners/node-test/expect.js'
export type { NodeTestAssertion, NodeTestMatchers } from './runners/node-test/expect.js'
export type { NodeTestFixtures } from './runners/node-test/fixtures.js'
export { executable, symlink } from './workspace/file-tree.js'
export type * from './index.js'

/**
 * Gives a test of node:test its own commands and a workspace. They are torn down after everything that the test gives
 * to `t.after`. Without a test's context, in a file or a `describe`, all its tests share one fixture, for a server that
 * `before` starts; it is torn down after them.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * test('the server starts', async (t) => {
 *   const { run } = useProctor(t, { grace: 500 })
 *   await run('node', ['server.mjs']).waitForOutput('ready')
 * })
 */
export function useProctor(test: Pick<TestContext, 'name' | 'after'>, options?: ProctorOptions): NodeTestFixtures
export function useProctor(options?: ProctorOptions): NodeTestFixtures
export function useProctor(first?: unknown, second?: ProctorOptions): NodeTestFixtures {
  return useFixtures(first, second)
}
