import { existsSync } from 'node:fs'
import { createRequire, isBuiltin } from 'node:module'

// System calls that Node has no function for. From Node 26.1 on they are called through `node:ffi`, before that through
// koffi's binary package for this platform. Not through `koffi` itself: its install script makes pnpm 12 fail and npm
// 11 warn. Both are looked up at run time, so that an install without optional dependencies works.

/** The C functions that this package uses. */
export interface Natives {
  /** prctl(PR_SET_CHILD_SUBREAPER): orphans below this process become its children. */
  setSubreaper(on: boolean): boolean
  /** waitpid(pid, WNOHANG): waits for a zombie child. Returns whether there was one. */
  takeExit(pid: number): boolean
  /** waitpid(-group, WNOHANG): waits for any zombie child in a group. Returns its pid, or 0 or less. */
  takeGroupExit(group: number): number
  /** fcntl(FD_CLOEXEC): programs started from now on do not inherit this file. */
  closeOnExec(descriptor: number): void
  /** prlimit(RLIMIT_LOCKS): the limits of a process, or of this one for 0. They are 0 if they may not be read. */
  locksLimit(pid?: number): LocksLimit
  /** The same, and sets new ones for this process in one step. */
  swapLocks(limit: LocksLimit): LocksLimit
  /**
   * prlimit(RLIMIT_LOCKS): sets the limits of a process, or of this one for 0. Returns whether the kernel allowed it.
   */
  limitLocks(pid: number, limit: LocksLimit): boolean
}

/** The soft and the hard limit of getrlimit(2). 2^64 - 1 means no limit. */
export interface LocksLimit {
  readonly soft: bigint
  readonly hard: bigint
}

/** The types of the C prototypes below. A pointer is passed as a typed array or as `null`. */
type Type = 'int' | 'unsigned long' | 'void *'
type Call = (...parameters: unknown[]) => number
/** Binds one function of the C library. */
export type Bind = (name: string, parameters: readonly Type[]) => Call

interface Koffi {
  load(library: null): { func(prototype: string): Call }
}

interface NodeFfi {
  dlopen(
    library: null,
    signatures: Record<string, { arguments: string[]; return: string }>,
  ): { functions: Record<string, Call> }
}

const setChildSubreaper = 36
const noHang = 1
const setDescriptorFlags = 2
const closeOnExec = 1
const locks = 10

/** The package with the calls for this machine. */
export const nativesPackage = `@koromix/koffi-linux-${process.arch}`

const require = createRequire(import.meta.url)

/** Node's own way, without the warning that it is experimental, which is of no use to the person who runs a test. */
function bindThroughNode(): Bind | undefined {
  // A require that fails takes longer than this question.
  if (!isBuiltin('node:ffi')) return undefined
  const emitWarning = Object.getOwnPropertyDescriptor(process, 'emitWarning')!
  let ffi: NodeFfi
  try {
    Object.defineProperty(process, 'emitWarning', { ...emitWarning, value: () => {} })
    ffi = require('node:ffi') as NodeFfi
    ffi.dlopen(null, { getpid: { arguments: [], return: 'int32' } })
  } catch {
    return undefined // Before 26.1, or not permitted.
  } finally {
    Object.defineProperty(process, 'emitWarning', emitWarning)
  }
  const types = { int: 'int32', 'unsigned long': 'uint64', 'void *': 'pointer' }
  return (name, parameters) => {
    const signature = { arguments: parameters.map((type) => types[type]), return: 'int32' }
    const call = ffi.dlopen(null, { [name]: signature }).functions[name]!
    // Node takes and returns 64-bit integers as BigInts.
    return (...values) =>
      call(...values.map((value, at) => (parameters[at] === 'unsigned long' ? BigInt(value as number) : value)))
  }
}

/**
 * koffi’s binary for glibc, without the package’s own search for the C library, which takes a worker 2 ms. Where musl is
 * installed the package has to search, because musl also loads what was built for glibc, as far as it can.
 */
function binaryForGlibc(): Koffi | undefined {
  const muslName = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string] ?? ''
  if (muslName === '' || existsSync(`/lib/ld-musl-${muslName}.so.1`)) return undefined
  try {
    return require(`${nativesPackage}/linux_${process.arch}/koffi.node`) as Koffi
  } catch {
    return undefined // Another version of the package may lay out its files in another way.
  }
}

function bindThroughKoffi(): Bind | string {
  try {
    const library = (binaryForGlibc() ?? (require(nativesPackage) as Koffi)).load(null)
    return (name, parameters) => library.func(`int ${name}(${parameters.join(', ')})`)
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]
    return `the optional dependency ${nativesPackage} cannot be loaded (${reason}); npm install --include=optional installs it`
  }
}

let loaded: Natives | string | undefined

/** The calls, or the reason why they are unavailable. */
export function loadNatives(): Natives | string {
  return (loaded ??= load())
}

/** The function that binds C functions, or the reason why there is none. */
export function bindCalls(): Bind | string {
  if (process.platform !== 'linux') return `it needs Linux, and this is ${process.platform}`
  return bindThroughNode() ?? bindThroughKoffi()
}

function load(): Natives | string {
  const bind = bindCalls()
  if (typeof bind === 'string') return bind
  const long = 'unsigned long' as const
  const prctl = bind('prctl', ['int', long, long, long, long])
  const fcntl = bind('fcntl', ['int', 'int', 'int'])
  const waitpid = bind('waitpid', ['int', 'void *', 'int'])
  const prlimit = bind('prlimit', ['int', 'int', 'void *', 'void *'])
  const limits = new BigUint64Array(2)
  const before = new BigUint64Array(2)
  const getLocks = (pid: number, set: BigUint64Array | null): LocksLimit => {
    before.fill(0n)
    prlimit(pid, locks, set, before)
    return { soft: before[0]!, hard: before[1]! }
  }
  return {
    setSubreaper: (on) => prctl(setChildSubreaper, on ? 1 : 0, 0, 0, 0) === 0,
    takeExit: (pid) => waitpid(pid, null, noHang) === pid,
    takeGroupExit: (group) => waitpid(-group, null, noHang),
    closeOnExec: (descriptor) => void fcntl(descriptor, setDescriptorFlags, closeOnExec),
    locksLimit: (pid = 0) => getLocks(pid, null),
    swapLocks({ soft, hard }) {
      limits[0] = soft
      limits[1] = hard
      return getLocks(0, limits)
    },
    limitLocks(pid, { soft, hard }) {
      limits[0] = soft
      limits[1] = hard
      return prlimit(pid, locks, limits, null) === 0
    },
  }
}
