import { descriptorsOf } from '../system/process-table/descriptors.js'

// Passes the files that this process was started with to the command, under the same numbers: standard streams, and
// what a shell or make has opened beyond them (`3>log`, a jobserver, bats' own output). Node marks them all to be
// closed at an exec.

interface Descriptor {
  readonly number: number
  readonly target: string
}

/**
 * Node's event loops open anonymous inodes, the first of them before anything else, and after it pipes to themselves.
 */
function isNodesOwn({ number, target }: Descriptor, all: readonly Descriptor[]): boolean {
  if (target.startsWith('anon_inode:')) return true
  const firstOwn = Math.min(...all.filter((each) => each.target.startsWith('anon_inode:')).map((each) => each.number))
  const isPair = target.startsWith('pipe:') && all.filter((each) => each.target === target).length > 1
  return isPair && number > firstOwn
}

function inheritedBeyond(): number[] {
  // The descriptor of the folder itself has been closed by now, and leads nowhere.
  const all = [...descriptorsOf('self')].flatMap(([number, target]) => (target === '' ? [] : [{ number, target }]))
  return all.filter((each) => each.number > 2 && !isNodesOwn(each, all)).map(({ number }) => number)
}

/** The `stdio` of `spawn` for a command that inherits everything. Taken before we open anything. */
export function inheritedDescriptors(): (number | 'ignore')[] {
  const beyond = new Set(inheritedBeyond())
  const most = Math.max(2, ...beyond)
  return Array.from({ length: most + 1 }, (_, index) => (index <= 2 || beyond.has(index) ? index : 'ignore'))
}
