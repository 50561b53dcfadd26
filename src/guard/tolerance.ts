import { shortPath } from '../base/start-folder.js'
import type { Birth } from '../containment/child-starts.js'
import { newToken } from '../containment/owner.js'
import { isSameLeak, isUpdate, type KnownLeak, readBaseline, toKnown } from './baseline.js'
import type { Descendant } from './descendants.js'
import type { CompleteGuardOptions } from './options.js'
import { formatGuardReport, type GuardOrigin, type GuardReport } from './report.js'
import { keyOf } from '../system/process-table/table.js'
import type { LeakListener } from './summary.js'

// What is found, told to whoever sums up the run, and what of it is left alone: everything in the mode `report`, and
// what stands in the baseline.

export class Tolerance {
  readonly #listener: LeakListener | undefined
  /** Tells this file from the others of the run: names of tests are not theirs alone. */
  readonly #file = newToken()
  readonly #births = new Set<Birth>()
  readonly #strays = new Set<string>()
  readonly #baselines = new Map<string, readonly KnownLeak[]>()

  constructor(listener: LeakListener | undefined) {
    this.#listener = listener
  }

  /** A guard with these options begins. */
  begin({ baseline }: CompleteGuardOptions): void {
    if (baseline !== undefined && isUpdate(process.env)) this.#listener?.willUpdate(baseline)
  }

  /** Whether it, or what it comes from, has been told and left alone. */
  has(each: Descendant): boolean {
    return each.birth === undefined ? this.#strays.has(keyOf(each)) : this.#births.has(each.birth)
  }

  /** It has been told. It is left alone from here on, with what it starts. */
  add(each: Descendant): void {
    if (each.birth === undefined) this.#strays.add(keyOf(each))
    else this.#births.add(each.birth)
  }

  /** Tells what of this is left alone. Returns the numbers of its processes. */
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

  /** Whether what came of one call fails nothing, and is left alone. */
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

  /** Tells what a test, or the file, has left. */
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
