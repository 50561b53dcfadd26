import { answerIn } from './command/coverage-answer.js'

// What commands with `coverage: true` load before their program: a copy of it lies in the folder of their run.
answerIn(__dirname)
