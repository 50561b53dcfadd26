import { readdirSync, readFileSync } from 'node:fs'
import { inRoot, type InnerRun, startInner } from '../../inner-run.js'

export const cli = inRoot('dist/cli.cjs')

export const program = (name: string): string => inRoot(`fixtures/programs/run/${name}`)

/** Starts `proctor run` with these arguments. */
export const startRun = (args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): InnerRun =>
  startInner(process.execPath, [cli, 'run', ...args], options)

let counted = 0
/** A number that stands in no other command line. */
export const uniqueNumber = (): string => `${3000 + (counted += 1)}.${process.pid}`

/** The processes whose last argument is this number. A zombie has no command line. */
export function sleepersOf(number: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1)
      return words.at(-1) === number && words.at(-2)?.endsWith('sleep') === true ? [Number(name)] : []
    } catch {
      return [] // It has gone while it was being read.
    }
  })
}
