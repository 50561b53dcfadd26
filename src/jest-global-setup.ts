export { setup as default } from './runners/jest/global-setup.js'
