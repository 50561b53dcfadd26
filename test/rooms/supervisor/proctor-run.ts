import { inRoot, type InnerRun, startInner } from '../../inner-run.js'
import { commandLines } from '../../proc.js'

export const cli = inRoot('dist/cli.cjs')

export const program = (name: string): string => inRoot(`fixtures/programs/run/${name}`)

/** Starts `proctor run` with these arguments. */
export const startRun = (args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): InnerRun =>
  startInner(process.execPath, [cli, 'run', ...args], options)

let counted = 0
/** A number that stands in no other command line. */
export const uniqueNumber = (): string => `${3000 + (counted += 1)}.${process.pid}`

/** The processes whose last argument is this number. A zombie has no command line. */
export const sleepersOf = (number: string): number[] =>
  commandLines()
    .filter(({ words }) => words.at(-1) === number && words.at(-2)?.endsWith('sleep') === true)
    .map(({ pid }) => pid)
