import { ftruncateSync, openSync } from 'node:fs'
import { onceAWorker } from '../base/shelf.js'
import type { Guardian } from '../guardian/guardian.js'

/** An open file that a trace is written to. Writes go to its end. */
export interface Draft {
  readonly path: string
  readonly file: number
}

/** Empty drafts, to be used again: making and removing a file costs a short test more than writing the trace. */
const emptyDrafts = (): WeakMap<Guardian, Draft[]> => onceAWorker('drafts.1', () => new WeakMap<Guardian, Draft[]>())

function newDraft(guardian: Guardian): Draft {
  const path = guardian.nextDraft()
  return { path, file: openSync(path, 'ax', 0o600) }
}

/**
 * An empty file for a trace that is to be moved to `destination`. The caller must give it back.
 *
 * @throws {WorkspaceError} if this user's own folder belongs to somebody else.
 */
export function takeDraft(guardian: Guardian, destination: string): Draft {
  const draft = emptyDrafts().get(guardian)?.pop() ?? newDraft(guardian)
  guardian.watchTrace(draft.path, destination)
  return draft
}

export function giveBack(guardian: Guardian, draft: Draft): void {
  ftruncateSync(draft.file)
  guardian.forgetTrace(draft.path)
  const empty = emptyDrafts()
  const others = empty.get(guardian) ?? []
  empty.set(guardian, others)
  others.push(draft)
}
