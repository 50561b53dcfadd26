import { later } from '../base/clock.js'
import { formatHolder, type Holder } from '../base/held-open.js'
import { table } from '../system/process-table/current.js'
import { descriptorsOf } from '../system/process-table/descriptors.js'
import { descendantsOf } from '../system/process-table/linux.js'
import { isZombie } from '../system/process-table/table.js'
import { guardian } from '../worker/own-guardian.js'

// After the last test the process may stay, because Node waits for a child, or for a pipe to which somebody can still
// write. Neither Node nor the runners say for whom.

/** A process that nothing keeps alive exits within this many ms after its last test. */
const hangTime = 3000

/** If this process is still there after `hangTime`, writes to standard error what holds it up. */
export function tellIfItHangs(what: string): void {
  if (table.name === 'linux') later(hangTime, () => tell(what))
}

function tell(what: string): void {
  const holders = findHolders()
  if (holders.length === 0) return
  const head = `proctor: ${what} ended ${hangTime / 1000} s ago, and its process ${process.pid} has not. What it has started still runs:`
  process.stderr.write([head, ...holders.map((each) => `  ${formatHolder(each)}`), ''].join('\n'))
}

/** The processes below this one, and the descriptors by which each holds a pipe or a socket of this one. */
function findHolders(): Holder[] {
  const own = descriptorsOf('self')
  const targets = new Set(own.values())
  // A descriptor with the same number in both processes was inherited: neither reads from the other. The two ends of a pipe
  // have the same inode. Those of a socket have two: only standard streams count there, for which Node makes sockets.
  const isHeld = ([descriptor, target]: readonly [number, string]): boolean =>
    (target.startsWith('pipe:') && targets.has(target) && own.get(descriptor) !== target) ||
    (target.startsWith('socket:') && descriptor <= 2)
  const holders: Holder[] = []
  descendantsOf({ pid: process.pid }, (each) => {
    // The guardian leads a session of its own, and exits when this process does.
    if (isZombie(each) || each.session === guardian().pid) return
    const descriptors = [...descriptorsOf(each.pid)].filter(isHeld).map(([descriptor]) => descriptor)
    holders.push({ pid: each.pid, command: table.commandLine(each.pid), descriptors })
  })
  return holders
}
