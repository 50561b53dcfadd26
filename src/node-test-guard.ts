import type { GuardOptions } from './guard/options.js'
import { startGuard } from './runners/node-test/guard.js'

export type { GuardOptions } from './guard/options.js'
export type { GuardFinding, GuardOrigin, GuardReport } from './guard/report.js'

const configure = startGuard()

/**
 * Sets options of the guard that `node --import proctor/node-test/guard --test` preloads: at the top of a test file for
 * the file, inside a test for that test.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * import { guard } from 'proctor/node-test/guard'
 * guard({ mode: 'warn', allow: [/gradle/] })
 */
export function guard(options: GuardOptions = {}): void {
  configure(options)
}
