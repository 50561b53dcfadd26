import childProcess from 'node:child_process'

// What this package starts itself, the guardian and the commands of fixtures, is announced by Node like everything
// else. A guard over what tests start must not take it for theirs. Counted on a core module's object: Jest renews
// modules for every file, and a guardian that is started again is an earlier file's.

const key = Symbol.for('proctor.own-starts.1')
const shelf = childProcess as unknown as Record<symbol, { underWay: number } | undefined>
const counter = (): { underWay: number } => (shelf[key] ??= { underWay: 0 })

/** Starts something of this package's own. */
export function startOwn<Started>(start: () => Started): Started {
  const count = counter()
  count.underWay += 1
  try {
    return start()
  } finally {
    count.underWay -= 1
  }
}

/** Whether what is being started now is this package's own. */
export const isOwnStart = (): boolean => counter().underWay > 0
