export { teardown as default } from './runners/jest/global-teardown.js'
