import { waitRules } from '../wait/options.js'
import { checkOptions } from '../base/check.js'
import { ProctorError } from '../base/errors.js'
import { workspaceOf } from '../workspace/handle.js'
import type { TemporaryWorkspace, Workspace } from '../workspace/workspace.js'
import { type SnapshotSupport, unwrap } from './screen-snapshot.js'
import {
  describeSubject,
  hint,
  type MatcherOptions,
  type MatcherResult,
  refuseSubject,
  retry,
  stateOf,
  timeoutOf,
} from './support.js'

function asWorkspace(matcher: string, self: unknown, subject: unknown): TemporaryWorkspace {
  if (stateOf(self).isNot === true) throw new TypeError(`${matcher}: .not makes no sense of a snapshot.`)
  const workspace = workspaceOf(subject)
  if (workspace === undefined) throw refuseSubject(matcher, 'a workspace', subject)
  return workspace
}

function checkText(matcher: string, what: string, value: unknown): void {
  if (value === undefined || typeof value === 'string') return
  throw new TypeError(`${matcher}: the ${what} is a string, not ${describeSubject(value)}.`)
}

/** The snapshot matchers of a runner. */
export function workspaceSnapshots(support: SnapshotSupport): {
  toMatchWorkspaceSnapshot: typeof toMatchWorkspaceSnapshot
  toMatchWorkspaceInlineSnapshot: typeof toMatchWorkspaceInlineSnapshot
} {
  return {
    async toMatchWorkspaceSnapshot(subject, name) {
      const matcher = 'toMatchWorkspaceSnapshot'
      const workspace = asWorkspace(matcher, this, subject)
      checkText(matcher, 'name of the snapshot', name)
      if (support.toMatchSnapshot === undefined) {
        throw new ProctorError(
          `${matcher}: this runner keeps no snapshots that are known here. Accepted are the matchers of proctor/vitest and proctor/jest, and toMatchWorkspaceInlineSnapshot with a text.`,
        )
      }
      return support.toMatchSnapshot.call(this, await workspace.snapshot(), name)
    },
    toMatchWorkspaceInlineSnapshot(subject, snapshot, options) {
      const matcher = 'toMatchWorkspaceInlineSnapshot'
      const workspace = asWorkspace(matcher, this, subject)
      checkText(matcher, 'snapshot', snapshot)
      checkOptions(matcher, options, waitRules)
      support.rememberPlace?.call(this)
      return judgeInline.call(this, workspace, snapshot, options, support)
    },
  }
}

async function judgeInline(
  this: unknown,
  workspace: TemporaryWorkspace,
  snapshot: string | undefined,
  options: MatcherOptions | undefined,
  support: SnapshotSupport,
): Promise<MatcherResult> {
  const expected = snapshot === undefined ? undefined : unwrap(snapshot)
  const look = async (): Promise<{ holds: boolean; text: string }> => {
    const text = await workspace.snapshot()
    return { holds: expected === undefined || text === expected, text }
  }
  const { text, holds } = await retry(look, true, timeoutOf(options, workspace))
  if (support.toMatchInlineSnapshot !== undefined) return support.toMatchInlineSnapshot.call(this, text, snapshot)
  const matcher = 'toMatchWorkspaceInlineSnapshot'
  if (expected === undefined) {
    throw new ProctorError(`${matcher}: this runner cannot write it into the test. The workspace is:\n\n${text}`)
  }
  return {
    pass: holds,
    message: () => `${hint(matcher, false)}\n\nExpected the workspace\n\n${expected}\n\nbut it is\n\n${text}`,
  }
}

const none = workspaceSnapshots({})

/** Whether the workspace is what is stored beside the tests. */
export function toMatchWorkspaceSnapshot(this: unknown, subject: Workspace, name?: string): Promise<MatcherResult> {
  return none.toMatchWorkspaceSnapshot.call(this, subject, name)
}

/** Whether the workspace is what stands in the test. Retries. */
export function toMatchWorkspaceInlineSnapshot(
  this: unknown,
  subject: Workspace,
  snapshot?: string,
  options?: MatcherOptions,
): Promise<MatcherResult> {
  return none.toMatchWorkspaceInlineSnapshot.call(this, subject, snapshot, options)
}
