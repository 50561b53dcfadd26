import type { ChildLedger } from './child-ledger.js'
import type { Orphans } from './orphans.js'
import { readStat } from '../system/process-table/linux.js'
import { signalGroup } from '../system/signals.js'
import type { Natives } from '../system/syscalls.js'
import { isGroupGone, type Member, splitTrees, type Tree } from './tree.js'

// For fork storms below a subreaper: the members of a group fork and exit faster than they can be read, and thousands of
// them become zombies of ours. These functions need one system call a group or a zombie, and read no process.

/**
 * Stops a tree's group at once. After the signal no member forks any more, so no storm outruns it, however busy the
 * machine is, and the stopped processes can be read. The group keeps its number while a zombie in it was not waited
 * for.
 */
export function stopGroup(tree: Tree, children: readonly number[], ledger: ChildLedger, orphans: Orphans): void {
  const group = tree.identity.pid
  if (tree.isHeld()) signalGroup(group, tree.identity, 'SIGSTOP')
  if (tree.isHeld() || tree.groupIsGone) return
  for (const pid of children) {
    const record = ledger.has(pid) ? undefined : readStat(pid)
    if (record?.group !== group || orphans.attributeByGroup(record)?.root !== tree) continue
    if (signalGroup(group, record, 'SIGSTOP') === 'sent') return
  }
}

/** Stops the groups of these trees, except those with an exempt process in them. */
export function stopGroups(
  trees: readonly Tree[],
  exempt: readonly Member[],
  children: readonly number[],
  ledger: ChildLedger,
  orphans: Orphans,
): void {
  const split = splitTrees(exempt)
  for (const tree of trees) if (!split.has(tree)) stopGroup(tree, children, ledger, orphans)
}

/**
 * Waits for the zombies of groups whose leader was waited for, because nobody else can. The kernel gives a group's
 * number to no process while the group has members. So if a process has the number now, the group has ended.
 *
 * @param most how many it waits for: a storm that goes on has new ones all the time. What is left is read one by one, so
 * this is better not less than there are now.
 * @returns how many zombies there were.
 */
export function reapGroups(trees: Iterable<Tree>, ledger: ChildLedger, natives: Natives, most: number): number {
  let reaped = 0
  for (const tree of trees) {
    const group = tree.identity.pid
    if (!tree.leadsGroup || tree.groupIsGone || tree.isHeld() || ledger.has(group)) continue
    tree.groupIsGone = readStat(group) !== undefined
    if (tree.groupIsGone) continue
    while (reaped < most && natives.takeGroupExit(group) > 0) reaped += 1
    isGroupGone(tree)
  }
  return reaped
}
