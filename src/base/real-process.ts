import { runInThisContext } from 'node:vm'

/**
 * Node's own `process`. Jest gives each test file a copy of it, whose listeners are never called, and whose `env` is
 * not what children inherit by default.
 */
export const realProcess = runInThisContext('process') as NodeJS.Process
