import { Handles } from '../base/handle.js'
import { TemporaryWorkspace, type Workspace } from './workspace.js'

const inside = Symbol.for('proctor.workspace.1')

/** The handles of workspaces, for tests. */
export const workspaceHandles = new Handles<Workspace, TemporaryWorkspace>({
  name: 'Workspace',
  inside,
  members: {
    path: 'shown',
    resolve: 'method',
    write: 'method',
    read: 'method',
    exists: 'method',
    list: 'method',
    snapshot: 'method',
    copyFrom: 'method',
  },
  print: ({ path }) => ({ path }),
})

/** The workspace behind a handle, whichever copy of this package made the handle. Undefined for anything else. */
export const workspaceOf = (subject: unknown): TemporaryWorkspace | undefined =>
  subject instanceof TemporaryWorkspace
    ? subject
    : (subject as { readonly [inside]?: TemporaryWorkspace } | null | undefined)?.[inside]
