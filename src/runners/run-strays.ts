import { nextTick } from 'node:process'
import { childLedger } from '../containment/child-ledger.js'
import { takeSharedMark } from '../containment/threads/shared-mark.js'
import { alwaysAllowed } from '../containment/allowance.js'
import { fromEnvironment, type GuardOptions, layered, services } from '../guard/options.js'
import { findStrays, sweep } from '../guardian/sweep.js'
import { formatSweep } from '../report/tree-text.js'
import { isMatch } from '../wait/pattern.js'

// What guarded worker threads leave at the end of a run: orphans that gave up their environment while several files ran.
// No guard can tell whose they are, so the run as a whole is blamed.

/** Seen from the main thread. */
export class StraysOfRun {
  readonly #options: GuardOptions[] = []
  /** What the main thread starts by itself inherits the mark that all threads share, and is not a test's. */
  readonly #close = childLedger().open((child) => {
    nextTick(() => {
      if (child.pid !== undefined) takeSharedMark(child.pid)
    })
  })

  /** Adds the options that projects have for their guards. */
  add(options: readonly (GuardOptions | undefined)[]): void {
    this.#options.push(...options.map((each) => each ?? {}))
  }

  /** Ends what is left, unless a guard was to leave it. Returns a message if the run has failed. */
  async end(): Promise<string | undefined> {
    this.#close()
    const given = this.#options.length === 0 ? [{}] : this.#options
    const all = given.map((each) => layered(each, fromEnvironment(process.env)))
    const has = (mode: string): boolean => all.some((each) => each.mode === mode)
    if (has('off') || has('report')) return undefined
    const allowed = [...alwaysAllowed, ...services, ...all.flatMap(({ allow }) => allow)]
    const isAllowed = (command: string): boolean => allowed.some((pattern) => isMatch(pattern, command))
    const outcome = await sweep(() => Promise.resolve(findStrays(isAllowed)))
    if (outcome.ended.length + outcome.left.length === 0) return undefined
    const text = `${formatSweep(outcome)}\n\nWhich test file started this is not known: several were running in worker threads.`
    if (has('fail')) return text
    if (has('warn')) process.stderr.write(`\n${text}\n`)
    return undefined
  }
}
