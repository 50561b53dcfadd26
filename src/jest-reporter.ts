export { ProctorReporter as default } from './runners/jest/reporter.js'
