import { track } from '../../../src/containment/root.js'
import type { Tree } from '../../../src/containment/tree.js'
import type { ProcessIdentity } from '../../../src/system/process-table/table.js'

/** The tree of a process that nobody holds, as `run()` tracks it. */
export const treeOf = (identity: ProcessIdentity, more: Partial<Tree> = {}): Tree =>
  track({
    identity,
    mark: 'M=1',
    locks: undefined,
    owner: { kind: 'command', fixture: '0.1', number: 1 } as const,
    leadsGroup: true,
    workspace: '/nowhere',
    streams: new Set<string>(),
    isHeld: () => false,
    groupIsGone: false,
    ...more,
  })
