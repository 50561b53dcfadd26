import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasExited, type Stat, statOf } from '../proc.js'

// What the suite knows of a process comes from the kernel, through code of its own and not of the package under test.

/** Identifies one process and no other. */
export type Identity = Pick<Stat, 'pid' | 'startTime'>

/** What the kernel says of exactly this process, or `undefined` once it has gone. */
function find({ pid, startTime }: Identity): Stat | undefined {
  const found = statOf(pid)
  return found?.startTime === startTime ? found : undefined
}

/** The state of exactly this process, or `undefined` once it has gone. */
export const stateOf = (identity: Identity): string | undefined => find(identity)?.state

/** A zombie has exited: it is dead. */
export const isLive = (identity: Identity): boolean => !hasExited(find(identity))

export function identify(pid: number): Identity | undefined {
  const found = statOf(pid)
  return found === undefined ? undefined : { pid, startTime: found.startTime }
}

/** Looks every few milliseconds until `look` returns something. */
export async function until<Found>(what: string, look: () => Found | undefined, timeout = 8000): Promise<Found> {
  for (const deadline = performance.now() + timeout; ; await sleep(3)) {
    const found = look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`Waited ${timeout} ms in vain: ${what}`)
  }
}

/** The process whose number a file holds. */
export function untilIdentified(file: string, timeout?: number): Promise<Identity> {
  const look = (): Identity | undefined => {
    try {
      return identify(Number(readFileSync(file, 'utf8')))
    } catch {
      return undefined // Not there yet.
    }
  }
  return until(`a number in ${file}`, look, timeout)
}

/** Sends SIGKILL to a process that the package does not find. */
export async function endFor(identity: Identity): Promise<void> {
  try {
    // A process whose main thread has ended looks like a zombie while another one works.
    if (find(identity) !== undefined) process.kill(identity.pid, 'SIGKILL')
  } catch {
    // It has ended since the last look.
  }
  await until(`the end of ${identity.pid}`, () => (isLive(identity) ? undefined : true))
}

/** Makes named pipes that every user may open. A hundred take as long as one: the time it takes to start mkfifo(1). */
export const makePipes = (paths: readonly string[]): void => {
  execFileSync('mkfifo', ['-m', '666', ...paths])
}

/**
 * A named pipe that a program holds open for writing as long as one of its processes lives. The kernel says whether one
 * does: a read gives end of file, or has nothing to read yet.
 */
export class Pipe {
  readonly #file: number

  /** @param isMade whether the pipe is there already. */
  constructor(
    readonly path: string,
    isMade = false,
  ) {
    if (!isMade) makePipes([path])
    this.#file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  }

  get isHeld(): boolean {
    try {
      return readSync(this.#file, Buffer.alloc(1)) > 0
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return true
      throw error
    }
  }

  close(): void {
    closeSync(this.#file)
  }
}
