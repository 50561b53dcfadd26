export { ProctorReporter as default } from './runners/vitest/reporter.js'
