import { closeSync, fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Pipe } from '../../system/posix-spawn.js'

// Node gives a program socket pairs. Those take some 300 short lines, where a pipe takes 64 kilobytes: a program that
// writes more and calls process.exit() loses the rest. And /dev/stdin, /dev/stdout and /dev/stderr do not open.

/** The pipes of a program's three standard streams. What could not be made is undefined. */
export interface StandardPipes {
  /** The program's ends. */
  readonly theirs: readonly (number | undefined)[]
  /** What /proc/PID/fd shows of them. */
  readonly names: readonly string[]
  readonly stdin: Socket | undefined
  readonly stdout: Socket | undefined
  readonly stderr: Socket | undefined
  /** Closes the program's ends here, once it has them. */
  handOver(): void
  /** Closes the ends on this side. */
  release(): void
}

/** A pipe for a standard stream, undefined where none can be made. Throws where no descriptors are left. */
export type OpenPipe = (stream: 0 | 1 | 2) => Pipe | undefined

interface End {
  readonly theirs: number
  readonly socket: Socket
}

function openEnd(stream: 0 | 1 | 2, openPipe: OpenPipe): End | undefined {
  const pipe = openPipe(stream)
  if (pipe === undefined) return undefined
  const isInput = stream === 0
  const [theirs, ours] = isInput ? [pipe.readEnd, pipe.writeEnd] : [pipe.writeEnd, pipe.readEnd]
  try {
    return { theirs, socket: new Socket({ fd: ours, readable: !isInput, writable: isInput }) }
  } catch (error) {
    for (const end of [theirs, ours]) closeSync(end)
    throw error
  }
}

/**
 * Opens three pipes and the streams on this side of them. All of this that can fail has then been done before the
 * program is started, and no program is forgotten for it.
 *
 * @throws where no descriptors are left.
 */
export function openStandardPipes(openPipe: OpenPipe): StandardPipes {
  const ends: (End | undefined)[] = []
  const handOver = (): void => ends.forEach((end) => end && closeSync(end.theirs))
  const release = (): void => ends.forEach((end) => end?.socket.destroy())
  try {
    for (const stream of [0, 1, 2] as const) ends.push(openEnd(stream, openPipe))
  } catch (error) {
    handOver()
    release()
    throw error
  }
  const [stdin, stdout, stderr] = ends.map((end) => end?.socket)
  const theirs = ends.map((end) => end?.theirs)
  const names = theirs.flatMap((end) => (end === undefined ? [] : [`pipe:[${fstatSync(end).ino}]`]))
  return { theirs, names, stdin, stdout, stderr, handOver, release }
}
