export { withProctor } from './runners/jest/config.js'
export type { WithProctorOptions } from './runners/jest/config.js'
export type { GuardOptions } from './guard/options.js'
export type { ProctorOptions } from './fixture/options.js'
