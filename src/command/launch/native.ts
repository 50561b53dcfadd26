import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { SpawnError } from '../../base/errors.js'
import { startMarked } from '../../containment/locks-mark.js'
import { awaitChild } from '../../system/own-children.js'
import { entriesOf, type PosixSpawn, type Spawned } from '../../system/posix-spawn.js'
import { type OnExit, Pipes, type StartedProgram } from '../pipes.js'
import type { Transport } from '../transport.js'
import { identify } from './identify.js'
import { programOf, type SpawnRequest } from './request.js'
import { candidates, isExecutable } from './search-path.js'
import { explain } from './spawn-failure.js'
import { openStandardPipes, type StandardPipes } from './standard-pipes.js'

// The start by posix_spawn(3): the same in a small worker and in a large one, and the program has pipes.

/** Where a program is looked for that is given no PATH, as execvp(3) does. */
const defaultPath = '/bin:/usr/bin'

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** What lets execvp(3) go on to the next folder on PATH. */
const goesOn = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ENODEV', 'ESTALE', 'ETIMEDOUT'])

/** A refusal of the system's, made here. */
const refused = (code: string): Error => Object.assign(new Error(code), { code })

/** Starts the program as execvp(3) would find it. Returns its number, or throws an error with the system's code. */
function spawnProgram(
  calls: PosixSpawn,
  request: SpawnRequest,
  { file, args, entries }: Program,
  streams: [number, number, number],
): number {
  const { cwd, env } = request
  const surroundings = { env: entries, cwd, streams }
  const spawn = (spawned: Spawned): number =>
    startMarked(
      request.locks,
      () => calls.spawn(spawned),
      (pid) => pid,
    )
  let refusal: unknown
  let isSeen = false
  for (const candidate of candidates(file, env['PATH'] ?? defaultPath)) {
    // Each try is a start: where it can be seen that it is in vain there is none.
    const state = file.includes('/') ? 'executable' : stateOf(candidate, cwd)
    isSeen ||= state === 'not executable'
    if (state !== 'executable') continue
    try {
      return spawn({ ...surroundings, file: candidate, args: [file, ...args] })
    } catch (error) {
      // A script without a first line that says whose it is.
      if (codeOf(error) === 'ENOEXEC') {
        return spawn({ ...surroundings, file: '/bin/sh', args: ['/bin/sh', candidate, ...args] })
      }
      if (!goesOn.has(codeOf(error) ?? '')) throw error
      if (codeOf(refusal) !== 'EACCES') refusal = error
    }
  }
  throw isSeen ? refused('EACCES') : (refusal ?? refused('ENOENT'))
}

function stateOf(candidate: string, cwd: string): 'executable' | 'not executable' | undefined {
  const path = candidate.startsWith('/') ? candidate : join(cwd, candidate)
  // The shortest of all looks: most of them find nothing.
  if (!existsSync(path)) return undefined
  return isExecutable(path) ? 'executable' : 'not executable'
}

/** Tells of the exit of a child from here on. */
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
 * Starts a program as the leader of a session and a group of its own, its standard streams as pipes.
 *
 * @returns the running program, or why it could not be started.
 */
export function startNatively(calls: PosixSpawn, request: SpawnRequest): Transport | SpawnError {
  let pipes: StandardPipes | undefined
  let pid: number
  try {
    const program = givenProgram(request)
    pipes = openStandardPipes(() => calls.pipe())
    pid = spawnProgram(calls, request, program, pipes.theirs as [number, number, number])
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

/** What execve(2) is given. */
interface Program {
  readonly file: string
  readonly args: readonly string[]
  /** `NAME=value` */
  readonly entries: readonly string[]
}

/** What execve(2) would be given cut off at its first NUL byte is refused, as Node does. */
function givenProgram(request: SpawnRequest): Program {
  const { file, args } = programOf(request)
  const entries = entriesOf(request.env)
  const hasNul = (text: string): boolean => text.includes('\0')
  if (file === '' || hasNul(file) || args.some(hasNul) || entries.some(hasNul)) throw refused('EINVAL')
  return { file, args, entries }
}
