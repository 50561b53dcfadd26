import { createRequire } from 'node:module'

// prctl(2) and waitpid(2) through koffi's binary package of this platform. Not `koffi` itself: its install script
// makes pnpm 12 fail and npm 11 warn. Found at run time, so that an install without optional dependencies works.

/** The two calls that Node has no word for. */
export interface Natives {
  /** prctl(PR_SET_CHILD_SUBREAPER): orphans below this process become its children. */
  setSubreaper(on: boolean): boolean
  /** waitpid(pid, WNOHANG): takes a zombie child's exit. Whether there was one. */
  takeExit(pid: number): boolean
  /** fcntl(FD_CLOEXEC): programs that are started from here on do not inherit this file. */
  closeOnExec(descriptor: number): void
}

interface Koffi {
  load(library: null): { func(prototype: string): (...parameters: unknown[]) => number }
}

const setChildSubreaper = 36
const noHang = 1
const setDescriptorFlags = 2
const closeOnExec = 1

/** The package that holds the calls for this machine. */
export const nativesPackage = `@koromix/koffi-linux-${process.arch}`

/** The calls, or the reason why they are not to be had. */
export function loadNatives(): Natives | string {
  if (process.platform !== 'linux') return `it needs Linux, and this is ${process.platform}`
  let koffi: Koffi
  try {
    koffi = createRequire(import.meta.url)(nativesPackage) as Koffi
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]
    return `the optional dependency ${nativesPackage} cannot be loaded (${reason}); npm install --include=optional installs it`
  }
  const library = koffi.load(null)
  const prctl = library.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)')
  const fcntl = library.func('int fcntl(int, int, int)')
  const waitpid = library.func('int waitpid(int, void *, int)')
  return {
    setSubreaper: (on) => prctl(setChildSubreaper, on ? 1 : 0, 0, 0, 0) === 0,
    takeExit: (pid) => waitpid(pid, null, noHang) === pid,
    closeOnExec: (descriptor) => void fcntl(descriptor, setDescriptorFlags, closeOnExec),
  }
}
