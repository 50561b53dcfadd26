/** What Vitest's and Jest's snapshot states have in common, as far as it is looked at here. */
interface SnapshotState {
  readonly _snapshotData?: Readonly<Record<string, string | undefined>>
  readonly _counters?: { get(name: string): number | undefined }
  readonly _updateSnapshot?: unknown
}

interface MatcherContext {
  readonly currentTestName?: string
  readonly snapshotState?: SnapshotState
}

/**
 * The snapshot that a matcher's next one is compared with. Nothing is counted: to compare in earnest is a later call.
 *
 * @returns nothing where there is none yet, where all are written anew, and where a runner keeps them in another way.
 */
export function storedSnapshot(context: unknown, hint: string | undefined): string | undefined {
  const { currentTestName, snapshotState } = (context ?? {}) as MatcherContext
  const { _snapshotData: data, _counters: counters, _updateSnapshot: update } = snapshotState ?? {}
  if (currentTestName === undefined || data === undefined || update === 'all') return undefined
  const names = hint === undefined ? [currentTestName] : [`${currentTestName} > ${hint}`, `${currentTestName}: ${hint}`]
  for (const name of names) {
    const stored = data[`${name} ${(counters?.get(name) ?? 0) + 1}`]
    if (typeof stored === 'string') return stored
  }
  return undefined
}
