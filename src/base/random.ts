import { closeSync, openSync, readSync } from 'node:fs'

/** Unguessable bytes from random(4). Loading `node:crypto` for this would take a worker 3 ms. */
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
