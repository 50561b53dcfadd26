import { leadingBack } from '../base/call-site.js'
import { workspaceOf } from '../workspace/handle.js'
import type { TemporaryWorkspace, Workspace } from '../workspace/workspace.js'
import { assertStores, checkText, matchInline, refuseNot, type SnapshotSupport, unwrap } from './snapshot-support.js'
import { checkWait, type MatcherOptions, type MatcherResult, refuseSubject, retry, timeoutOf } from './support.js'

function asWorkspace(matcher: string, self: unknown, subject: unknown): TemporaryWorkspace {
  refuseNot(matcher, self)
  const workspace = workspaceOf(subject)
  if (workspace === undefined) throw refuseSubject(matcher, 'a workspace', subject)
  return workspace
}

/** The snapshot matchers of a runner. */
export function workspaceSnapshots(support: SnapshotSupport): {
  toMatchWorkspaceSnapshot: typeof toMatchWorkspaceSnapshot
  toMatchWorkspaceInlineSnapshot: typeof toMatchWorkspaceInlineSnapshot
} {
  return {
    toMatchWorkspaceSnapshot(subject, name) {
      return leadingBack(() => judgeStored.call(this, subject, name, support))
    },
    toMatchWorkspaceInlineSnapshot(subject, snapshot, options) {
      return leadingBack(() => judgeInline.call(this, subject, snapshot, options, support))
    },
  }
}

async function judgeStored(
  this: unknown,
  subject: unknown,
  name: string | undefined,
  support: SnapshotSupport,
): Promise<MatcherResult> {
  const matcher = 'toMatchWorkspaceSnapshot'
  const workspace = asWorkspace(matcher, this, subject)
  checkText(matcher, 'name of the snapshot', name)
  assertStores(matcher, support)
  return support.toMatchSnapshot.call(this, await workspace.snapshot(), name)
}

async function judgeInline(
  this: unknown,
  subject: unknown,
  snapshot: string | undefined,
  options: MatcherOptions | undefined,
  support: SnapshotSupport,
): Promise<MatcherResult> {
  const matcher = 'toMatchWorkspaceInlineSnapshot'
  const workspace = asWorkspace(matcher, this, subject)
  checkText(matcher, 'snapshot', snapshot)
  checkWait(matcher, options)
  const expected = snapshot === undefined ? undefined : unwrap(snapshot)
  const look = async (): Promise<{ holds: boolean; text: string }> => {
    const text = await workspace.snapshot()
    return { holds: expected === undefined || text === expected, text }
  }
  const { text } = await retry(look, true, timeoutOf(options, workspace))
  return matchInline(this, matcher, support, 'workspace', text, snapshot)
}

const none = workspaceSnapshots({})

/** Whether the workspace equals the snapshot stored beside the tests. */
export function toMatchWorkspaceSnapshot(this: unknown, subject: Workspace, name?: string): Promise<MatcherResult> {
  return none.toMatchWorkspaceSnapshot.call(this, subject, name)
}

/** Whether the workspace equals the snapshot in the test. Retries. */
export function toMatchWorkspaceInlineSnapshot(
  this: unknown,
  subject: Workspace,
  snapshot?: string,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return none.toMatchWorkspaceInlineSnapshot.call(this, subject, snapshot, options)
}
