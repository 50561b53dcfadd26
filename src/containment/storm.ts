import type { UnwaitedChildren } from './child-exits.js'
import type { Orphans } from './orphans.js'
import { readStat } from '../system/process-table/linux.js'
import { signalGroup } from '../system/signals.js'
import type { Natives } from '../system/syscalls.js'
import { isGroupGone, type Tree } from './tree.js'

// A group whose members fork and exit faster than they can be read, below a subreaper: its dead become zombies of ours by
// the thousand. What follows costs a system call a group or a zombie, and reads none of them.

/** How many zombies of a group are waited for at a time. */
const mostReaped = 4096

/**
 * Stops a tree's group at once. Nobody in it forks any more once the signal is there, so no storm outruns that, however
 * busy the machine is, and what is stopped can be read. A zombie that nobody has waited for holds the group's number as
 * well as anybody.
 */
export function stopGroup(tree: Tree, children: readonly number[], births: UnwaitedChildren, orphans: Orphans): void {
  const group = tree.identity.pid
  if (tree.isHeld()) signalGroup(group, tree.identity, 'SIGSTOP')
  if (tree.isHeld() || tree.groupIsGone) return
  for (const pid of children) {
    const record = births.has(pid) ? undefined : readStat(pid)
    if (record?.group !== group || orphans.attributeByGroup(record)?.root !== tree) continue
    if (signalGroup(group, record, 'SIGSTOP') === 'sent') return
  }
}

/**
 * Waits for the dead of groups whose leader was waited for: nobody else can wait for them. While anybody is in a group the
 * kernel gives its number to nobody, so whoever has the number now says that the group has ended, and that there is another.
 *
 * @returns how many there were.
 */
export function reapGroups(trees: Iterable<Tree>, births: UnwaitedChildren, natives: Natives): number {
  let reaped = 0
  for (const tree of trees) {
    const group = tree.identity.pid
    if (!tree.leadsGroup || tree.groupIsGone || tree.isHeld() || births.has(group)) continue
    tree.groupIsGone = readStat(group) !== undefined
    if (tree.groupIsGone) continue
    const most = reaped + mostReaped
    while (reaped < most && natives.takeGroupExit(group) > 0) reaped += 1
    isGroupGone(tree)
  }
  return reaped
}
