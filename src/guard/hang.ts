import { later } from '../base/clock.js'
import { formatHolder, type Holder } from '../base/held-open.js'
import { table } from '../system/process-table/current.js'
import { descriptorsOf } from '../system/process-table/descriptors.js'
import { descendantsOf } from '../system/process-table/linux.js'
import { isZombie } from '../system/process-table/table.js'
import { guardian } from '../worker/own-guardian.js'

// Tests have ended, and their process has not: Node waits for a child, and for each pipe that somebody can still write
// to. Node and its runners do not say for whom.

/** ms after the end of its tests in which a process ends that nothing holds up. */
const hangTime = 3000

/** Says on standard error who holds this process up, if it is still there in a while. */
export function tellIfItHangs(what: string): void {
  if (table.name === 'linux') later(hangTime, () => tell(what))
}

function tell(what: string): void {
  const holders = findHolders()
  if (holders.length === 0) return
  const head = `proctor: ${what} ended ${hangTime / 1000} s ago, and its process ${process.pid} has not. What it has started still runs:`
  process.stderr.write([head, ...holders.map((each) => `  ${formatHolder(each)}`), ''].join('\n'))
}

/** What runs below this process, and by which descriptors it holds a pipe or a socket of this one. */
function findHolders(): Holder[] {
  const own = descriptorsOf('self')
  const targets = new Set(own.values())
  // What has the same number in both was inherited, and is read by neither of them. The other end of a pipe has the same
  // inode. That of a socket has its own: Node makes those for standard streams.
  const isHeld = ([descriptor, target]: readonly [number, string]): boolean =>
    (target.startsWith('pipe:') && targets.has(target) && own.get(descriptor) !== target) ||
    (target.startsWith('socket:') && descriptor <= 2)
  const holders: Holder[] = []
  descendantsOf({ pid: process.pid }, (each) => {
    // The guardian, in a session of its own, ends when this process does.
    if (isZombie(each) || each.session === guardian().pid) return
    const descriptors = [...descriptorsOf(each.pid)].filter(isHeld).map(([descriptor]) => descriptor)
    holders.push({ pid: each.pid, command: table.commandLine(each.pid), descriptors })
  })
  return holders
}
