import { NumbersFile, pids, readStat } from '../system/process-table/linux.js'
import { isZombie } from '../system/process-table/table.js'
import { carriesLocksMark, readLocksMark } from './locks-mark.js'
import type { Root } from './root.js'
import type { Found } from './scan.js'

// Who goes into a pid namespace that was there before (setns(2)) has orphans that come to its first process, and not to
// the subreaper. It gets a number in this namespace too, and numbers are given out in turn: everybody who started since a
// root did has one between that root's and the last one, and shows its mark.

/** More numbers than this are listed before they are looked at, and of those the newest. */
const mostNumbers = 512

/** The numbers given out since this one. */
function numbersSince(first: number, last: number): number[] {
  const count = last - first
  if (count >= 0 && count <= mostNumbers) return Array.from({ length: count }, (_, at) => first + 1 + at)
  const isSince = (pid: number): boolean => (count >= 0 ? pid > first && pid <= last : pid > first || pid <= last)
  return pids().filter(isSince).slice(-mostNumbers)
}

/** Looks for what no list of children leads to. */
export class Outsiders {
  #lookedUpTo = ''
  #numbers: NumbersFile | undefined

  /** Those that carry the mark of one of these roots. `isElsewhere` says of a number that it need not be looked at. */
  find<Of extends Root>(roots: readonly Of[], isElsewhere: (pid: number) => boolean): Found<Of>[] {
    const marked = roots.filter(({ locks }) => locks !== undefined)
    const [oldest] = marked.toSorted((a, b) => a.identity.startTime - b.identity.startTime)
    if (oldest === undefined) return []
    const last = (this.#numbers ??= new NumbersFile()).last()
    const range = `${last} ${marked.map(({ identity }) => identity.pid).join(' ')}`
    // Nobody has started since there was nobody.
    if (range === this.#lookedUpTo) return []
    const found = numbersSince(oldest.identity.pid, last).flatMap((pid) =>
      isElsewhere(pid) ? [] : identify(pid, marked),
    )
    this.#lookedUpTo = found.length === 0 ? range : ''
    return found
  }

  /** Gives back the descriptor that it looks through. */
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
