import { answer } from './command/coverage-answer.js'

// What commands with `coverage: true` load before their program.
answer()
