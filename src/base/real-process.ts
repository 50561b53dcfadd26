import { runInThisContext } from 'node:vm'

/**
 * Node's own `process`. Jest gives each test file a copy: its listeners hear nothing, and its `env` is not what a child
 * inherits that is started without one.
 */
export const realProcess = runInThisContext('process') as NodeJS.Process
