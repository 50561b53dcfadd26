import { closeSync, openSync } from 'node:fs'
import { constants, endianness } from 'node:os'
import { isMainThread } from 'node:worker_threads'
import { runtime } from '../base/runtime.js'
import { codeOf, signalOf } from './numbers.js'
import { type ExecAddresses, ExecMemory, type ExecTexts } from './exec-memory.js'
import { type Bind, bindCalls } from './syscalls.js'

// posix_spawn(3) starts a program without copying this process, on Linux with CLONE_VFORK. So it costs the same in a
// worker of one gigabyte as in a small one. Node's own spawn forks, and copies the page tables each time.

const closeOnExec = 0o2000000
const duplicateCloseOnExec = 1030
const noHang = 1
/** POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK, which are the same in glibc and musl. */
const setSignals = 0x04 | 0x08
/** POSIX_SPAWN_SETSID */
const setSession = 0x80
/** Bytes for one of the opaque structures of the C library. The largest, posix_spawnattr_t, has 336. */
const structure = 512

/** The two ends of a pipe. Started programs inherit neither. */
export interface Pipe {
  readonly readEnd: number
  readonly writeEnd: number
  /**
   * Closes an end in the way in which it was opened: in a worker thread, Node warns if it closes a file that it has not
   * opened.
   */
  close(end: number): void
}

export interface Spawned {
  /** For execve(2). A relative path is relative to `cwd`. */
  readonly file: string
  /** The first one is the program's own name. */
  readonly args: readonly string[]
  /** Entries of the form `NAME=value`. */
  readonly env: readonly string[]
  readonly cwd: string
  /** The descriptors that become its standard input, output and error. */
  readonly streams: readonly [number, number, number]
}

/** The result of waitpid(2) for a child. */
export type Waited =
  | 'running'
  | 'not a child'
  | { readonly code: number | null; readonly signal: NodeJS.Signals | null }

export interface PosixSpawn {
  /** pipe2(2). Throws an error with the system's code. */
  pipe(): Pipe
  /** Opens /dev/null for reading and writing, as the stream of a program that is to have none. Throws like `pipe`. */
  nothing(): number
  /** Starts a program as the leader of a session. Returns its pid, or throws an error with the system's code. */
  spawn(spawned: Spawned): number
  /**
   * posix_spawnp(3): starts a program in this process's session, group and folder, found on PATH, with its own streams
   * and these further descriptors. Returns its pid, or throws an error with the system's code.
   */
  spawnBeside(beside: Beside): number
  /** waitpid(WNOHANG). */
  wait(pid: number): Waited
}

export interface Beside extends Pick<Spawned, 'file' | 'args' | 'env'> {
  /** The descriptors of this process that it inherits, under the same numbers. */
  readonly inherited: readonly number[]
}

function systemError(call: string, errno: number): Error {
  const code = codeOf(errno)
  return Object.assign(new Error(`${call}: ${code}`), { code })
}

function toWaited(status: number): Waited {
  const number = status & 0x7f
  if (number === 0) return { code: (status >> 8) & 0xff, signal: null }
  return { code: null, signal: signalOf(number) }
}

/** The environment as `NAME=value` entries for execve(2). */
export function entriesOf(env: NodeJS.ProcessEnv): string[] {
  const entries: string[] = []
  for (const name of Object.keys(env)) if (env[name] !== undefined) entries.push(`${name}=${env[name]}`)
  return entries
}

let calls: PosixSpawn | undefined | 'none'

/** The system calls, where they are available. */
export function posixSpawn(): PosixSpawn | undefined {
  calls ??= findCalls() ?? 'none'
  return calls === 'none' ? undefined : calls
}

function findCalls(): PosixSpawn | undefined {
  // Bun and Deno start children and wait for them in their own ways. Ours was not tried beside them.
  if (runtime !== 'Node' || endianness() !== 'LE') return undefined
  const bind = bindCalls()
  try {
    return typeof bind === 'string' ? undefined : bindPosixSpawn(bind)
  } catch {
    return undefined // The C library lacks one.
  }
}

/**
 * The calls for starting programs in this thread. Undefined where Node has to start them: in worker threads, because
 * libuv waits for children, and gets SIGCHLD, in the main thread. PROCTOR_LAUNCH=portable forces the portable start.
 */
export const nativeCalls = (): PosixSpawn | undefined =>
  isMainThread && process.env['PROCTOR_LAUNCH'] !== 'portable' ? posixSpawn() : undefined

/** Binds the calls. Throws if the C library lacks one: glibc has posix_spawn_file_actions_addchdir_np since 2.29. */
function bindPosixSpawn(bind: Bind): PosixSpawn {
  const [int, long, pointer] = ['int', 'unsigned long', 'void *'] as const
  const pipe2 = bind('pipe2', [pointer, int])
  const fcntl = bind('fcntl', [int, int, int])
  const close = bind('close', [int])
  const waitpid = bind('waitpid', [int, pointer, int])
  const strtol = bind('strtol', [pointer, pointer, int])
  const initAttributes = bind('posix_spawnattr_init', [pointer])
  const setFlags = bind('posix_spawnattr_setflags', [pointer, int])
  const setDefaultSignals = bind('posix_spawnattr_setsigdefault', [pointer, pointer])
  const setMask = bind('posix_spawnattr_setsigmask', [pointer, pointer])
  const initActions = bind('posix_spawn_file_actions_init', [pointer])
  const destroyActions = bind('posix_spawn_file_actions_destroy', [pointer])
  const addDuplicate = bind('posix_spawn_file_actions_adddup2', [pointer, int, int])
  const addFolder = bind('posix_spawn_file_actions_addchdir_np', [pointer, long])
  const parameters = [pointer, long, pointer, pointer, long, long]
  const startProgram = bind('posix_spawn', parameters)
  const startOnPath = bind('posix_spawnp', parameters)

  // Memory that does not move. The contents of a small typed array may lie on the heap of JavaScript.
  const allocate = (size: number): Uint8Array => new Uint8Array(new ArrayBuffer(size))
  const attributes = allocate(structure)
  const actions = allocate(structure)
  const signals = allocate(structure)
  const numbers = new Int32Array(new ArrayBuffer(structure))
  const address = new BigUint64Array(new ArrayBuffer(structure))

  initAttributes(attributes)
  setMask(attributes, signals)
  // Not sigfillset(3): it leaves out two signals that glibc reserves, and the program would ignore those.
  setDefaultSignals(attributes, signals.fill(0xff))

  /**
   * The address of some memory. strtol(3) of an empty text reports where it stopped reading, which is where it began.
   */
  function addressOf(memory: Uint8Array): bigint {
    memory[0] = 0
    strtol(memory, address, 10)
    return address[0]!
  }

  const texts = new ExecMemory(addressOf)

  /** In the child, 0 to 2 are overwritten: an end with one of these numbers would be lost. */
  function aboveStandard(descriptor: number): number {
    if (descriptor > 2) return descriptor
    const higher = fcntl(descriptor, duplicateCloseOnExec, 3)
    close(descriptor)
    return higher
  }

  function start(
    call: typeof startProgram,
    flags: number,
    what: ExecTexts,
    act: (addresses: ExecAddresses) => void,
  ): number {
    const addresses = texts.layOut(what)
    if (addresses === undefined) throw systemError('posix_spawn', constants.errno.EINVAL)
    const { file, args, env } = addresses
    setFlags(attributes, flags)
    initActions(actions)
    try {
      act(addresses)
      const errno = call(numbers, file, actions, attributes, args, env)
      if (errno !== 0) throw systemError('posix_spawn', errno)
      return numbers[0]!
    } finally {
      destroyActions(actions)
    }
  }

  return {
    pipe() {
      if (pipe2(numbers, closeOnExec) !== 0) throw whyNoFile()
      const [readEnd, writeEnd] = [numbers[0]!, numbers[1]!]
      return {
        readEnd: aboveStandard(readEnd),
        writeEnd: aboveStandard(writeEnd),
        close: (end) => void close(end),
      }
    },
    nothing: () => aboveStandard(openSync('/dev/null', 'r+')),
    spawn: (spawned) =>
      start(startProgram, setSignals | setSession, spawned, ({ cwd }) => {
        addFolder(actions, cwd)
        spawned.streams.forEach((descriptor, number) => addDuplicate(actions, descriptor, number))
      }),
    // To duplicate a descriptor to itself makes it one that is inherited.
    spawnBeside: (beside) =>
      start(startOnPath, setSignals, beside, () => {
        for (const descriptor of beside.inherited) addDuplicate(actions, descriptor, descriptor)
      }),
    wait(pid) {
      const waited = waitpid(pid, numbers, noHang)
      if (waited === 0) return 'running'
      return waited === pid ? toWaited(numbers[0]!) : 'not a child'
    },
  }
}

/**
 * The reason why pipe2(2) failed. It only fails if no descriptors are left; an open(2) tells whose limit was reached.
 */
function whyNoFile(): Error {
  try {
    closeSync(openSync('/dev/null', 'r'))
  } catch (error) {
    return error as Error
  }
  return systemError('pipe2', constants.errno.EMFILE)
}
