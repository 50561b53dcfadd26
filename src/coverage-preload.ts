import { answer } from './command/coverage-answer.js'

// Commands with `coverage: true` load this before their program.
answer()
