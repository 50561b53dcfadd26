/** The common part of the snapshot states of Vitest and Jest, as far as it is used here. */
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
 * The stored snapshot that a matcher will be compared with next. Nothing is counted here: the actual comparison is a
 * later call.
 *
 * @returns undefined if there is none yet, if all are being rewritten, and if a runner keeps them in another way.
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
