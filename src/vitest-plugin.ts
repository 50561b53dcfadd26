export { proctor, proctor as default } from './runners/vitest/plugin.js'
export type { ProctorPluginOptions } from './runners/vitest/plugin.js'
export type { GuardOptions } from './guard/options.js'
export type { ProctorOptions } from './fixture/options.js'
