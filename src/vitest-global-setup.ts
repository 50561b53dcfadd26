export { setup as default } from './runners/vitest/global-setup.js'
