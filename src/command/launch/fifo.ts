import { spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOwn } from '../../containment/own-starts.js'
import type { Pipe } from '../../system/posix-spawn.js'

// Pipes without the system call: mkfifo(1) makes files that are pipes once both ends are open, and they are removed at
// once. Four commands' worth is made at a time, since each call of mkfifo(1) is the start of a program.

const batch = 12
const pool: Pipe[] = []
let isUnavailable = false

/** A pipe. Undefined where the machine has no mkfifo(1). Throws where no descriptors are left. */
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

/** Neither end waits for the other where one is open already, and neither is left non-blocking for the program. */
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
