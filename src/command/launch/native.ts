import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { SpawnError } from '../../base/errors.js'
import { startMarked } from '../../containment/locks-mark.js'
import { awaitChild } from '../../system/own-children.js'
import { candidates } from '../../system/on-path.js'
import { entriesOf, type PosixSpawn, type Spawned } from '../../system/posix-spawn.js'
import { type OnExit, Pipes, type StartedProgram } from '../pipes.js'
import type { Transport } from '../transport.js'
import { identify } from './identify.js'
import { programOf, type SpawnRequest } from './request.js'
import { explain } from './spawn-failure.js'
import { openStandardPipes, type StandardPipes } from './standard-pipes.js'

// Starts programs with posix_spawn(3), whose cost does not depend on the size of the worker. The program gets real
// pipes.

/** The PATH that execvp(3) uses when none is set. */
const defaultPath = '/bin:/usr/bin'

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** The errors after which execvp(3) tries the next folder on PATH. */
const goesOn = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ENODEV', 'ESTALE', 'ETIMEDOUT'])

/** An error with a code of the system. */
const refused = (code: string): Error => Object.assign(new Error(code), { code })

/** Starts the program that execvp(3) would find. Returns its pid, or throws an error with the system's code. */
function spawnProgram(calls: PosixSpawn, request: SpawnRequest, streams: [number, number, number]): number {
  const { cwd, env } = request
  const { file, args } = programOf(request)
  if (file === '') throw refused('ENOENT')
  const surroundings = { env: entriesOf(env), cwd, streams }
  const spawn = (spawned: Spawned): number =>
    startMarked(
      request.locks,
      () => calls.spawn(spawned),
      (pid) => pid,
    )
  let refusal: unknown
  for (const candidate of candidates(file, env['PATH'] ?? defaultPath)) {
    // Each try starts a process, so we look first whether the file is there.
    if (!file.includes('/') && !isThere(candidate, cwd)) continue
    try {
      return spawn({ ...surroundings, file: candidate, args: [file, ...args] })
    } catch (error) {
      // A script without a `#!` line.
      if (codeOf(error) === 'ENOEXEC') {
        return spawn({ ...surroundings, file: '/bin/sh', args: ['/bin/sh', candidate, ...args] })
      }
      if (!goesOn.has(codeOf(error) ?? '')) throw error
      if (codeOf(refusal) !== 'EACCES') refusal = error
    }
  }
  throw refusal ?? refused('ENOENT')
}

const isThere = (candidate: string, cwd: string): boolean =>
  existsSync(candidate.startsWith('/') ? candidate : join(cwd, candidate))

/** Reports the exit of a child from now on. */
function watchExit(calls: PosixSpawn, pid: number): Pick<StartedProgram, 'isHeld' | 'onExit'> {
  let isHeld = true
  const callbacks: OnExit[] = []
  awaitChild(calls, pid, (exit) => {
    isHeld = false
    const { code, signal } = exit === 'not a child' ? { code: null, signal: null } : exit
    for (const callback of callbacks) callback(code, signal)
  })
  return { isHeld: () => isHeld, onExit: (callback) => void callbacks.push(callback) }
}

/**
 * Starts a program as the leader of its own session and group, with pipes as its standard streams.
 *
 * @returns the running program, or why it could not be started.
 */
export function startNatively(calls: PosixSpawn, request: SpawnRequest): Transport | SpawnError {
  let pipes: StandardPipes | undefined
  let pid: number
  try {
    pipes = openStandardPipes(() => calls.pipe())
    pid = spawnProgram(calls, request, pipes.theirs as [number, number, number])
  } catch (error) {
    pipes?.handOver()
    pipes?.release()
    return explain(error, request)
  }
  const exit = watchExit(calls, pid)
  pipes.handOver()
  const identity = identify(pid, exit.isHeld)
  if (identity instanceof Error) {
    pipes.release()
    return explain(identity, request)
  }
  const { names, stdin, stdout, stderr } = pipes
  return new Pipes({ identity, streams: names, stdin: stdin!, stdout: stdout!, stderr: stderr!, ...exit })
}
