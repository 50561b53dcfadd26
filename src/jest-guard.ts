import type { GuardOptions } from './guard/options.js'
import { startGuard } from './runners/jest/guard.js'

export type { GuardOptions } from './guard/options.js'
export type { GuardFinding, GuardOrigin, GuardReport } from './guard/report.js'

const configure = startGuard()

/**
 * Sets options: in your setup file or at the top of a test file for the file, inside a test for that test.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * // jest.setup.js
 * const { guard } = require('proctor/jest/guard')
 * guard({ mode: 'warn', allow: [/gradle/] })
 */
export function guard(options: GuardOptions = {}): void {
  configure(options)
}
