import type { GuardOptions } from './guard/options.js'
import { startGuard } from './runners/vitest/guard.js'

export type { GuardOptions } from './guard/options.js'
export type { GuardFinding, GuardOrigin, GuardReport } from './guard/report.js'

declare module 'vitest' {
  interface ProvidedContext {
    proctorGuard?: GuardOptions
  }
}

const configure = await startGuard()

/**
 * Sets options: in your setup file or at the top of a test file for the file, inside a test for that test.
 *
 * @throws {TypeError} on an option that is unknown or of the wrong type.
 * @example
 * // vitest.setup.ts
 * import { guard } from 'proctor/vitest/guard'
 * guard({ mode: 'warn', allow: [/gradle/] })
 */
export function guard(options: GuardOptions = {}): void {
  configure(options)
}
