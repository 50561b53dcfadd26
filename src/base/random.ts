import { closeSync, openSync, readSync } from 'node:fs'

/** Random bytes that nobody can guess. From the system itself: to load `node:crypto` takes a worker 3 ms. random(4). */
export function randomBytes(count: number): Buffer {
  const bytes = Buffer.alloc(count)
  const file = openSync('/dev/urandom', 'r')
  try {
    if (readSync(file, bytes, 0, count, null) !== count) throw new Error('/dev/urandom ended.')
    return bytes
  } finally {
    closeSync(file)
  }
}
