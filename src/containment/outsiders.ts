import { NumbersFile, pids, readStat } from '../system/process-table/linux.js'
import { isZombie } from '../system/process-table/table.js'
import { carriesLocksMark, readLocksMark } from './locks-mark.js'
import type { Root } from './root.js'
import type { Found } from './scan.js'

// A process that joins an existing pid namespace (setns(2)) leaves orphans to the first process of that namespace, and
// not to the subreaper. But such processes have a pid in this namespace, too. Pids are given out in turn. So every
// process that started after a root has a pid between the root's and the last one, and shows its mark.

/** If the range has more pids than this, only the newest existing ones are looked at. */
const mostNumbers = 512

/** The pids that were given out since this one. */
function numbersSince(first: number, last: number): number[] {
  const count = last - first
  if (count >= 0 && count <= mostNumbers) return Array.from({ length: count }, (_, at) => first + 1 + at)
  const isSince = (pid: number): boolean => (count >= 0 ? pid > first && pid <= last : pid > first || pid <= last)
  return pids().filter(isSince).slice(-mostNumbers)
}

/** Finds processes that are in no list of children. */
export class Outsiders {
  #lookedUpTo = ''
  #numbers: NumbersFile | undefined

  /**
   * The processes that carry the mark of one of the wanted roots, and are neither among the children of this process nor
   * known to belong to another root.
   */
  find<Of extends Root>(
    roots: Iterable<Of>,
    isWanted: (root: Of) => boolean,
    children: readonly number[],
  ): Found<Of>[] {
    const all = [...roots]
    const others = all.filter((root) => !isWanted(root))
    const listed = new Set(children)
    const isElsewhere = (pid: number): boolean => listed.has(pid) || others.some(({ known }) => known.has(pid))
    const marked = all.filter((root) => isWanted(root) && root.locks !== undefined)
    const [oldest] = marked.toSorted((a, b) => a.identity.startTime - b.identity.startTime)
    if (oldest === undefined) return []
    const last = (this.#numbers ??= new NumbersFile()).last()
    const range = `${last} ${marked.map(({ identity }) => identity.pid).join(' ')}`
    // No process has started since the last search, which found none.
    if (range === this.#lookedUpTo) return []
    const found = numbersSince(oldest.identity.pid, last).flatMap((pid) =>
      isElsewhere(pid) ? [] : identify(pid, marked),
    )
    this.#lookedUpTo = found.length === 0 ? range : ''
    return found
  }

  /** Closes its file descriptor. */
  close(): void {
    this.#numbers?.close()
    this.#numbers = undefined
  }
}

function identify<Of extends Root>(pid: number, roots: readonly Of[]): Found<Of>[] {
  const limits = readLocksMark(pid)
  const root = limits && roots.find(({ locks }) => carriesLocksMark(limits, locks!))
  const record = root && readStat(pid)
  if (root === undefined || record === undefined || isZombie(record)) return []
  return record.startTime < root.identity.startTime ? [] : [{ record, root, evidence: 'mark' }]
}
