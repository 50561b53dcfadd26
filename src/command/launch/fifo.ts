import { spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOwn } from '../../containment/own-starts.js'
import type { Pipe } from '../../system/posix-spawn.js'

// Pipes made without pipe(2). mkfifo(1) makes files that become pipes once both ends are open; the files are then
// removed. The pipes of four commands are made at a time, because each call of mkfifo(1) starts a program.

const batch = 12
const pool: Pipe[] = []
let isUnavailable = false

/** Opens a pipe. Returns undefined if the machine has no mkfifo(1). Throws if no file descriptors are left. */
export function openFifo(): Pipe | undefined {
  if (pool.length === 0 && !isUnavailable) fill()
  return pool.pop()
}

function fill(): void {
  const folder = mkdtempSync(join(tmpdir(), 'fifo-of-proctor-'))
  try {
    const paths = Array.from({ length: batch }, (_, number) => join(folder, String(number)))
    const { status } = startOwn(() => spawnSync('mkfifo', ['-m', '600', ...paths], { stdio: 'ignore' }))
    isUnavailable = status !== 0
    if (!isUnavailable) for (const path of paths) pool.push(openBothEnds(path))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Opens both ends. `r+` opens without waiting for the other end, and the program's end must not be non-blocking. */
function openBothEnds(path: string): Pipe {
  const both = openSync(path, constants.O_RDWR)
  const ends: number[] = []
  try {
    for (const mode of [constants.O_RDONLY, constants.O_WRONLY]) ends.push(openSync(path, mode))
    return { readEnd: ends[0]!, writeEnd: ends[1]!, close: closeSync }
  } catch (error) {
    for (const end of ends) closeSync(end)
    throw error
  } finally {
    closeSync(both)
  }
}
