export { report as default } from './runners/node-test/reporter.js'
