import { shortPath } from '../base/start-folder.js'
import type { ChildStart } from '../containment/child-starts.js'
import { newToken } from '../containment/owner.js'
import { isSameLeak, isUpdate, type KnownLeak, readBaseline, toKnown } from './baseline.js'
import type { Descendant } from './descendants.js'
import type { CompleteGuardOptions } from './options.js'
import { formatGuardReport, type GuardOrigin, type GuardReport } from './report.js'
import { keyOf } from '../system/process-table/table.js'
import type { LeakListener } from './summary.js'

// Reports findings for the summary of the run, and decides which of them the guard leaves alone: all of them in the mode
// `report`, and those that stand in the baseline.

export class Tolerance {
  readonly #listener: LeakListener | undefined
  /** Distinguishes this test file from the others of the run, which may have tests of the same names. */
  readonly #file = newToken()
  readonly #starts = new Set<ChildStart>()
  readonly #strays = new Set<string>()
  readonly #baselines = new Map<string, readonly KnownLeak[]>()

  constructor(listener: LeakListener | undefined) {
    this.#listener = listener
  }

  /** Called when a guard with these options begins. */
  begin({ baseline }: CompleteGuardOptions): void {
    if (baseline !== undefined && isUpdate(process.env)) this.#listener?.willUpdate(baseline)
  }

  /** Whether a process, or the child from which it comes, was reported and is left alone. */
  has(each: Descendant): boolean {
    return each.start === undefined ? this.#strays.has(keyOf(each)) : this.#starts.has(each.start)
  }

  /** Leaves a reported process alone from now on, and whatever it starts. */
  add(each: Descendant): void {
    if (each.start === undefined) this.#strays.add(keyOf(each))
    else this.#starts.add(each.start)
  }

  /** Reports the findings that are left alone. Returns the pids of their processes. */
  take(
    report: GuardReport,
    name: string | undefined,
    options: CompleteGuardOptions,
    held: readonly string[],
  ): ReadonlySet<number> {
    const origins = report.origins.filter((origin) => this.#covers(origin, options))
    if (origins.length === 0) return new Set()
    const told = { ...report, origins }
    this.tell(told, name, true)
    // eslint-disable-next-line no-console -- the runner says which test it belongs to.
    if (options.mode === 'report') console.warn([`proctor: ${formatGuardReport(told, false)}`, ...held].join('\n\n'))
    return new Set(origins.flatMap(({ left }) => left.map(({ pid }) => pid)))
  }

  /** Whether the processes of one origin are left alone, and fail nothing. */
  #covers(origin: GuardOrigin, { mode, baseline }: CompleteGuardOptions): boolean {
    if (mode === 'report' || (baseline !== undefined && isUpdate(process.env))) return true
    const known = baseline === undefined ? [] : this.#read(baseline)
    return toKnown(origin).every((leak) => known.some((each) => isSameLeak(each, leak)))
  }

  #read(baseline: string): readonly KnownLeak[] {
    const known = this.#baselines.get(baseline) ?? readBaseline(baseline) ?? []
    this.#baselines.set(baseline, known)
    return known
  }

  /** Passes on what a test, or the file, has left. */
  tell({ unit: kind, origins }: GuardReport, name: string | undefined, isTolerated: boolean): void {
    for (const origin of origins) {
      const { site, left } = origin
      const leaks = toKnown(origin)
      for (const leak of leaks) {
        this.#listener?.found({
          ...leak,
          site: site && `${shortPath(site.file)}:${site.line}`,
          processes: leaks.length > 1 ? 1 : left.length,
          unit: `${this.#file} ${kind === 'test' ? name : ''}`,
          kind,
          isTolerated,
        })
      }
    }
  }
}
